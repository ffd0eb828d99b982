use chatkeep_generator::{GenerateError, Options, generate};
use mail_parser::MessageParser;

use crate::Sample;

fn measured(mailboxes: u32) -> Options {
    Options {
        users: 200,
        days: 2,
        seed: 1,
        conversations: Some(1_000),
        pools: 2,
        files_mb: 0,
        mailboxes_per_conversation: Some(mailboxes),
        databases: false,
    }
}

#[test]
fn measured_conversations_belong_into_exactly_so_many_mailboxes() {
    for mailboxes in [1, 5] {
        let expected = Sample::of(&measured(mailboxes)).expected;

        assert_eq!(expected.items, 1_000);
        assert_eq!(expected.records.read, 1_000);
        assert_eq!(expected.deliveries.imported, 1_000 * u64::from(mailboxes));
        assert_eq!(expected.deliveries.held, 0);
        assert_eq!(expected.mailboxes.len(), 200);
        let each = 5 * u64::from(mailboxes);
        assert!(
            expected
                .mailboxes
                .iter()
                .all(|mailbox| mailbox.items == each)
        );
    }
}

#[test]
fn measured_conversations_have_about_41_lines() {
    let sample = Sample::of(&measured(1));
    let mut lines = 0;

    for bytes in sample.with_extension("eml") {
        let message = MessageParser::default().parse(&bytes).unwrap();
        lines += message.body_html(0).unwrap().matches("imcontent").count();
    }

    assert!(
        (40_000..=42_000).contains(&lines),
        "{lines} lines in 1000 conversations"
    );
}

#[test]
fn meeting_files_have_the_size_that_was_asked_for() {
    let sample = Sample::of(&Options {
        files_mb: 3,
        ..Options::contoso()
    });

    let mut bytes = 0;
    for export in sample.with_extension("eml") {
        let message = MessageParser::default().parse(&export).unwrap();
        let files = message.attachments();
        bytes += files
            .map(|file| file.contents().len())
            .filter(|size| *size >= 1_000_000)
            .sum::<usize>();
    }
    assert_eq!(bytes, 3_000_000);
}

#[test]
fn conversations_too_dense_to_be_told_apart_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        conversations: Some(100_000),
        ..Options::contoso()
    };

    let error = generate(&options, folder.path()).unwrap_err();

    assert!(matches!(
        error,
        GenerateError::Option { option: "days", .. }
    ));
}
