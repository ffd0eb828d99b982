use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use chatkeep_ingestion::{
    eml::{Damage, Eml, Files, Limits, Mail as MailFile, StoredFile},
    fuzz,
    xml::{self, RoomEvent},
};
use chatkeep_model::RecordId;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    build::{CONFERENCE, Carried, Mail, P2P, ROOM, Said, compliance, event, mail},
    sandbox::Sandbox,
};

/// Keeps attachments in memory.
#[derive(Default)]
struct Memory(Vec<Vec<u8>>);

impl Files for Memory {
    type File = Vec<u8>;

    fn create(&mut self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn store(&mut self, bytes: Vec<u8>) -> io::Result<StoredFile> {
        let stored = StoredFile {
            key: self.0.len().to_string(),
            sha256: digest(&bytes),
            size: bytes.len() as u64,
        };
        self.0.push(bytes);
        Ok(stored)
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    chatkeep_model::identity::Fields::of("test")
        .bytes(bytes)
        .digest()
}

fn read(bytes: &[u8]) -> Result<Eml, Damage> {
    read_with(bytes, Limits::default())
}

fn read_with(bytes: &[u8], limits: Limits) -> Result<Eml, Damage> {
    let mail = MailFile::open(bytes, "x.eml").unwrap()?;
    mail.read_body(limits, &mut Memory::default()).unwrap()
}

fn events(bytes: &[u8]) -> Result<Vec<RoomEvent>, xml::Damage> {
    let mut events = Vec::new();
    let end = xml::read(bytes, |event| {
        events.push(event);
        Ok::<_, io::Error>(())
    });
    end.unwrap().map(|()| events)
}

fn mails() -> impl Strategy<Value = Mail> {
    let html = "[ -~\n<>äöü€😀=]{0,400}";
    let files = vec(("[a-z]{1,8}\\.txt", vec(any::<u8>(), 0..300)), 0..3);
    (html, files).prop_map(|(html, files)| {
        let mut mail = mail().html(html.trim_end());
        mail.files = files;
        mail
    })
}

fn carriers() -> impl Strategy<Value = Carried> {
    select(vec![
        Carried::Base64,
        Carried::QuotedPrintable,
        Carried::EightBit,
    ])
}

proptest! {
    #[test]
    fn how_a_mail_is_carried_does_not_change_its_record(
        mail in mails(),
        carried in carriers(),
        line_break in select(vec!["\r\n", "\n"]),
        is_to_first: bool,
        is_upper: bool,
    ) {
        let mut other = mail.clone();
        other.carried = carried;
        other.line_break = line_break;
        other.is_to_first = is_to_first;
        if is_upper {
            other.from = format!("SIP:{}", other.from.to_uppercase());
            other.subject = other.subject.replace("ann@contoso.com", "Ann@CONTOSO.com");
        }

        let one = read(&mail.bytes()).unwrap();
        let other = read(&other.bytes()).unwrap();

        prop_assert_eq!(&one.transcript, &other.transcript);
        prop_assert_eq!(one.record_id(), other.record_id());
    }

    #[test]
    fn what_is_said_and_attached_changes_the_record(mail in mails()) {
        let mut other = mail.clone();
        other.html.push('x');
        let more = mail.clone().file("more.txt", "");

        let id = |mail: &Mail| read(&mail.bytes()).unwrap().record_id();

        prop_assert_ne!(id(&mail), id(&other));
        prop_assert_ne!(id(&mail), id(&more));
    }

    #[test]
    fn text_beyond_the_limit_becomes_a_file_without_loss(mail in mails(), limit in 0_usize..400) {
        let whole = read(&mail.bytes()).unwrap();
        let mut files = Memory::default();
        let bytes = mail.bytes();
        let opened = MailFile::open(&bytes[..], "x.eml").unwrap().unwrap();

        let limited = opened.read_body(Limits { text: limit }, &mut files).unwrap().unwrap();

        if limited.transcript.html.is_none() {
            prop_assert_eq!(&limited.attachments[0].name, "transcript.html");
            let text = String::from_utf8(files.0[0].clone()).unwrap();
            prop_assert_eq!(text.replace("\r\n", "\n"), whole.transcript.html.unwrap());
        } else {
            prop_assert_eq!(limited.transcript, whole.transcript);
        }
    }

    #[test]
    fn no_mail_makes_the_parser_panic(
        seed in select(vec![P2P, CONFERENCE]),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        fuzz::eml(&mutated(seed, &edits, cut));
    }

    #[test]
    fn no_xml_makes_the_parser_panic(
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        fuzz::xml(&mutated(ROOM, &edits, cut));
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in vec(any::<u8>(), 0..200)) {
        fuzz::eml(&bytes);
        fuzz::xml(&bytes);
    }
}

fn mutated(seed: &[u8], edits: &[(prop::sample::Index, u8)], cut: prop::sample::Index) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (index, byte) in edits {
        let index = index.index(bytes.len());
        bytes[index] = *byte;
    }
    bytes.truncate(cut.index(seed.len() + 1));
    bytes
}

#[test]
fn fixtures_that_break_off_are_whole_or_damaged() {
    for bytes in [P2P, CONFERENCE] {
        let whole = read(bytes).unwrap();
        for end in 0..bytes.len() {
            if let Ok(read) = read(&bytes[..end]) {
                assert_eq!(read, whole, "cut at {end}");
            }
        }
    }
    let whole = events(ROOM).unwrap();
    for end in 0..ROOM.len() {
        if let Ok(read) = events(&ROOM[..end]) {
            assert_eq!(read, whole, "cut at {end}");
        }
    }
}

#[test]
fn an_attachment_streams_through_a_small_buffer() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mail = mail().file("a.bin", bytes.clone()).bytes();
    let reader = io::BufReader::with_capacity(7, &mail[..]);
    let mut files = Memory::default();

    let opened = MailFile::open(reader, "x.eml").unwrap().unwrap();
    opened
        .read_body(Limits::default(), &mut files)
        .unwrap()
        .unwrap();

    assert_eq!(files.0, [bytes]);
    files.0[0].flush().unwrap();
}

fn said() -> impl Strategy<Value = Said> {
    let rooms = select(vec!["x", "y", "z"]);
    let kinds = select(vec!["CHAT", "JOIN", "PART", "BACKCHAT", "SOMETHING"]);
    let people = select(vec!["ann", "bob", "carol"]);
    let at = 1_476_403_200_i64..1_476_403_200 + 3 * 86_400;
    (rooms, kinds, people, at, 0..1_000_i64)
        .prop_map(|(room, kind, who, at, id)| event(room, kind, who, at).saying(id, "hi <&>"))
}

async fn records_of(files: Vec<String>) -> (u64, BTreeSet<RecordId>) {
    let mut sandbox = Sandbox::rooms();
    for (number, file) in files.into_iter().enumerate() {
        sandbox.write(&format!("{number}.xml"), file);
    }
    let ran = sandbox.archive().await;
    let records = ran.conversations.iter().flat_map(|one| one.records.clone());
    (ran.captured.records_read, records.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_mail_that_breaks_off_is_whole_or_damaged(mail in mails(), carried in carriers()) {
        let mail = Mail { carried, ..mail };
        let bytes = mail.bytes();
        let whole = read(&bytes).unwrap();

        for end in 0..bytes.len() {
            if let Ok(read) = read(&bytes[..end]) {
                prop_assert_eq!(&read, &whole);
            }
        }
    }

    #[test]
    fn however_events_are_split_over_files_they_are_the_same_records(
        events in vec((said(), 0..4_usize), 1..30),
    ) {
        // Equal events of one file are told apart: here they would be split.
        let mut seen = BTreeSet::new();
        let events: Vec<_> = events
            .into_iter()
            .filter(|(event, _)| seen.insert(format!("{event:?}")))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let split = (0..4).map(|file| {
            let of_file = events.iter().filter(|(_, number)| *number == file);
            compliance(of_file.map(|(event, _)| event))
        });

        let whole = records_of(vec![compliance(events.iter().map(|(event, _)| event))]);
        let whole = runtime.block_on(whole);
        let split = runtime.block_on(records_of(split.collect()));

        prop_assert_eq!(whole.0, events.len() as u64);
        prop_assert_eq!(whole.1.len(), events.len());
        prop_assert_eq!(whole, split);
    }
}
