use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use chatkeep_generator::{GenerateError, Options, generate};
use chatkeep_model::connector::Connector;
use mail_parser::{MessageParser, MimeHeaders as _};
use quick_xml::{Reader, events::Event};

use crate::{Sample, files};

fn contoso() -> Sample {
    Sample::of(&Options::contoso())
}

#[test]
fn the_committed_sample_is_what_the_generator_writes() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contoso");
    let mut committed = files(&committed);
    // What archiving the sample leaves beside it.
    let left = ["mailboxes", ".chatkeep"];
    committed.retain(|path, _| {
        !path
            .iter()
            .any(|part| left.iter().any(|name| part == *name))
    });

    let written = contoso().files();

    let paths = |files: &BTreeMap<_, _>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&committed), paths(&written));
    for (path, bytes) in &written {
        assert!(committed[path] == *bytes, "{} differs", path.display());
    }
}

#[test]
fn another_seed_gives_other_conversations() {
    let other = Sample::of(&Options {
        seed: 8,
        ..Options::contoso()
    });

    assert_ne!(other.files(), contoso().files());
}

#[test]
fn the_sample_is_small() {
    let files = contoso().files();

    assert!((50..=70).contains(&files.len()), "{} files", files.len());
    assert!(files.values().map(Vec::len).sum::<usize>() < 400_000);
}

#[test]
fn nothing_is_written_over_another_export() {
    let sample = contoso();

    let again = generate(&Options::contoso(), sample.folder.path());

    assert!(matches!(again, Err(GenerateError::Taken { .. })));
}

#[test]
fn the_connector_file_is_valid() {
    let sample = contoso();
    let text = fs::read_to_string(sample.folder.path().join("connector.toml")).unwrap();

    let connector = Connector::parse(&text, sample.folder.path()).unwrap();

    assert_eq!(connector.sources.len(), 2);
    assert!(
        connector
            .sources
            .iter()
            .all(|source| source.files().is_some_and(|files| files.path.is_dir()))
    );
}

#[test]
fn exports_have_the_published_shape() {
    let sample = contoso();
    let exports = sample.with_extension("eml");

    for bytes in &exports {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let lines: Vec<_> = text.split("\r\n").collect();
        let is_session = lines
            .iter()
            .any(|line| line.starts_with("Subject: Conversation between "));
        let is_conference = lines
            .iter()
            .any(|line| line.starts_with("Subject: Conference organized by "));
        assert!(is_session != is_conference);
        if is_session {
            assert_eq!(lines[13], "", "14 lines before the encoded part");
            assert_ne!(lines[14], "");
        }
        assert!(text.ends_with("\r\n--MIME_Boundary--\r\n"));
    }
    assert_eq!(exports.len() as u64, sample.expected.files.archiving_export);
}

#[test]
fn a_mail_reader_understands_the_exports() {
    let sample = contoso();
    let mut attachments = BTreeSet::new();
    let mut text = String::new();

    for bytes in sample.with_extension("eml") {
        let message = MessageParser::default().parse(&bytes).unwrap();
        assert!(message.from().is_some() && message.to().is_some());
        assert_eq!(message.date().unwrap().year, 2025);
        text.push_str(&message.body_html(0).unwrap());
        for file in message.attachments() {
            attachments.insert(file.attachment_name().unwrap().to_owned());
            assert!(!file.contents().is_empty());
        }
    }

    assert!(attachments.contains("Präsentation.pdf"));
    for needle in [
        "🙈",
        "dir=\"rtl\"",
        "Guten Morgen",
        "Dzień dobry",
        "&lt;",
        "&amp;&amp;",
    ] {
        assert!(text.contains(needle), "{needle} is missing");
    }
}

#[test]
fn every_message_of_a_room_is_a_record() {
    let sample = contoso();
    let mut messages = 0;
    let mut kinds = BTreeSet::new();

    for bytes in sample.with_extension("xml") {
        let text = String::from_utf8(bytes).unwrap();
        let mut reader = Reader::from_str(&text);
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) if element.name().as_ref() == "Message" => {
                    messages += 1;
                    let kind = element.try_get_attribute("type").unwrap().unwrap();
                    kinds.insert(kind.value.into_owned());
                }
                Event::Eof => break,
                _ => {}
            }
        }
    }

    let expected = &sample.expected;
    assert_eq!(
        messages,
        expected.records.read - expected.files.archiving_export
    );
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            "BACKCHAT",
            "CHAT",
            "FILEDOWNLOAD",
            "FILEUPLOAD",
            "JOIN",
            "PART"
        ]
    );
}

#[test]
fn files_of_rooms_lie_beside_their_manifest() {
    let sample = contoso();
    let files = sample.files();
    let mut named = 0;

    for manifest in sample.with_extension("ATTACH") {
        for line in String::from_utf8(manifest).unwrap().lines() {
            let Some(stored) = line.split("file=\"").nth(1) else {
                continue;
            };
            let stored = stored.split('"').next().unwrap();
            named += 1;
            assert!(!files[&Path::new("compliance").join(stored)].is_empty());
        }
    }

    assert_eq!(named, sample.expected.files.room_files);
    assert_eq!(named, 6);
}

#[test]
fn the_expected_numbers_close_both_equations() {
    for seed in 0..5 {
        let options = Options {
            seed,
            users: 40,
            days: 2,
            pools: 3,
            ..Options::contoso()
        };
        let expected = Sample::of(&options).expected;

        let records = &expected.records;
        assert_eq!(
            records.read,
            records.rendered + records.duplicates + records.excluded
        );
        let deliveries = &expected.deliveries;
        assert_eq!(deliveries.planned, deliveries.imported + deliveries.held);
        let in_mailboxes: u64 = expected.mailboxes.iter().map(|it| it.items).sum();
        let held: u64 = expected.held.iter().map(|it| it.items).sum();
        assert_eq!((in_mailboxes, held), (deliveries.imported, deliveries.held));
        assert!(records.duplicates > 0 && records.excluded > 0 && held > 0);
    }
}
