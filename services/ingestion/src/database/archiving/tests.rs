//! What the rows of a session come to.

use chatkeep_model::{Content, Conversation, UtcTime, What};
use proptest::prelude::*;

use super::{
    conversation::{conversation, sequence},
    group::{Group, Groups, SortedOut},
    range::Stream,
    record::{Entry, Key, Message, Part, To},
    statements::Statements,
    tables,
};
use crate::{
    database::{DatabaseError, Moment, Schema},
    sorting::Sorter,
};

const NOON: i64 = 1_476_446_400;

fn at(second: i64) -> Moment {
    Moment::from_seconds(NOON + second)
}

fn key(second: i64, number: i64) -> Key {
    Key {
        session: (at(0), 7),
        at: at(second),
        number,
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn message(from: &str, text: &str, to: To) -> Message {
    Message {
        from: from.to_owned(),
        media_type: "text/plain".to_owned(),
        body: utf16(text),
        to,
    }
}

fn entry(key: Key, message: Message) -> Entry {
    Entry {
        key,
        part: Part::Message(message),
    }
}

/// A message of Ann's to Bob.
fn hello(second: i64, number: i64, text: &str, is_toast: bool) -> Entry {
    let to = To::One {
        address: "bob@contoso.com".to_owned(),
        is_toast,
    };
    entry(key(second, number), message("ann@contoso.com", text, to))
}

/// A message of a conference, with those who got it.
fn meeting(second: i64, number: i64, from: &str, recipients: &[&str]) -> Vec<Entry> {
    let to = To::Conference {
        uri: Some("ann@contoso.com;gruu;opaque=app:conf:chat:id:ab12".to_owned()),
        organizer: Some("ann@contoso.com".to_owned()),
    };
    let key = key(second, number);
    let recipients = recipients.iter().map(|address| Entry {
        key,
        part: Part::Recipient((*address).to_owned()),
    });
    let mut entries: Vec<_> = recipients.collect();
    entries.insert(0, entry(key, message(from, "hello", to)));
    entries
}

fn groups(entries: Vec<Entry>, stream: Stream) -> Vec<Group> {
    let mut sorter = Sorter::with_limit(2_000);
    for entry in entries {
        sorter.push(entry).unwrap();
    }
    let mut groups = Groups::new(sorter.finish().unwrap(), "one", stream);
    std::iter::from_fn(|| groups.next().unwrap()).collect()
}

fn sort_out(entries: Vec<Entry>) -> SortedOut {
    let group = groups(entries, Stream::Messages).remove(0);
    let known = vec![false; group.rows.len()];
    group.sort_out(&known)
}

fn of_conference(entries: Vec<Entry>) -> Conversation {
    let group = groups(entries, Stream::Conferences).remove(0);
    let known = vec![false; group.rows.len()];
    conversation("c", &group.sort_out(&known).said).unwrap()
}

/// Who came, went and spoke, in order.
fn happened(conversation: &Conversation) -> Vec<String> {
    let Content::Events(events) = &conversation.content else {
        panic!("a conversation of events");
    };
    let told = events.iter().map(|event| {
        let who = event
            .sender
            .map(|at| &conversation.participants[at as usize].address);
        let what = match &event.what {
            What::Said(_) => "said",
            What::Joined => "joined",
            What::Left => "left",
            _ => "did something else",
        };
        format!("{} {what}", who.unwrap().split('@').next().unwrap())
    });
    told.collect()
}

fn addresses(conversation: &Conversation) -> Vec<&str> {
    let participants = conversation.participants.iter();
    participants.map(|one| one.address.as_str()).collect()
}

#[test]
fn quirk_the_toast_is_the_first_message_once_more() {
    let sorted = sort_out(vec![hello(0, 1, "hi", true), hello(5, 2, " hi ", false)]);

    assert_eq!(sorted.said.len(), 1);
    assert_eq!(sorted.toasts.len(), 1);
    assert_eq!(sorted.said[0].key.number, 2);
}

#[test]
fn quirk_a_toast_that_nobody_answered_is_the_only_copy() {
    let other_words = sort_out(vec![hello(0, 1, "hi", true), hello(5, 2, "hello", false)]);
    let much_later = sort_out(vec![hello(0, 1, "hi", true), hello(500, 2, "hi", false)]);
    let alone = sort_out(vec![hello(0, 1, "hi", true)]);

    assert_eq!(other_words.said.len(), 2);
    assert_eq!(much_later.said.len(), 2);
    assert_eq!(alone.said.len(), 1);
}

#[test]
fn quirk_one_message_stands_for_one_toast_only() {
    let entries = vec![
        hello(0, 1, "hi", true),
        hello(1, 2, "hi", true),
        hello(5, 3, "hi", false),
    ];

    let sorted = sort_out(entries);

    assert_eq!((sorted.said.len(), sorted.toasts.len()), (2, 1));
}

#[test]
fn quirk_the_toast_is_known_by_its_words_not_by_how_they_are_written() {
    let mut again = hello(5, 2, r"{\rtf1\ansi hi\par}", false);
    if let Part::Message(message) = &mut again.part {
        message.media_type = "text/rtf".to_owned();
    }

    let sorted = sort_out(vec![hello(0, 1, "hi", true), again]);

    assert_eq!((sorted.said.len(), sorted.toasts.len()), (1, 1));
}

#[test]
fn quirk_a_row_whose_content_type_is_gone_is_shown_by_its_looks() {
    let mut rich = hello(0, 1, r"{\rtf1 hi}", false);
    if let Part::Message(message) = &mut rich.part {
        message.media_type = String::new();
    }

    let sorted = sort_out(vec![rich]);

    assert_eq!(sorted.said[0].body.media_type, "text/rtf");
}

#[test]
fn quirk_a_body_that_is_no_text_costs_itself_only() {
    let mut broken = hello(1, 2, "x", false);
    if let Part::Message(message) = &mut broken.part {
        message.body = vec![0x00, 0xD8];
    }
    let entries = vec![hello(0, 1, "hi", false), broken, hello(2, 3, "bye", false)];

    let sorted = sort_out(entries);

    assert_eq!((sorted.said.len(), sorted.unreadable.len()), (2, 1));
    assert_eq!(sorted.unreadable[0].message.body, [0x00, 0xD8]);
}

#[test]
fn quirk_a_row_that_a_join_multiplied_counts_once_and_as_a_duplicate() {
    let sorted = sort_out(vec![hello(0, 1, "hi", false), hello(0, 1, "hi", false)]);

    assert_eq!(sorted.said.len(), 1);
    assert_eq!(sorted.repeated, [sorted.said[0].id]);
}

#[test]
fn quirk_sessions_that_begin_in_one_instant_are_told_apart_by_their_number() {
    let mut other = hello(1, 2, "bye", false);
    other.key.session.1 = 8;

    let groups = groups(vec![hello(0, 1, "hi", false), other], Stream::Messages);

    assert_eq!(groups.len(), 2);
}

#[test]
fn quirk_a_session_over_midnight_is_two_items_of_one_thread() {
    let of = |second| {
        let sorted = sort_out(vec![hello(second, 1, "hi", false)]);
        conversation("c", &sorted.said).unwrap()
    };

    let (evening, morning) = (of(11 * 3_600), of(13 * 3_600));

    assert_eq!(evening.thread, morning.thread);
    assert_ne!(evening.id, morning.id);
    assert_eq!(morning.start, UtcTime::from_seconds(NOON + 13 * 3_600));
    let key = "p2p:ann@contoso.com,bob@contoso.com@2016-10-14T12:00:00Z";
    assert_eq!(morning.key.as_str(), key);
}

#[test]
fn quirk_late_joiners_are_on_later_messages_only() {
    let entries = [
        meeting(0, 1, "ann@contoso.com", &["bob@contoso.com"]),
        meeting(1, 2, "bob@contoso.com", &["ann@contoso.com"]),
        meeting(
            2,
            3,
            "ann@contoso.com",
            &["bob@contoso.com", "eve@contoso.com"],
        ),
        meeting(3, 4, "eve@contoso.com", &["ann@contoso.com"]),
    ];

    let conversation = of_conference(entries.concat());

    let expected = [
        "ann said",
        "bob said",
        "eve joined",
        "ann said",
        "bob left",
        "eve said",
    ];
    assert_eq!(happened(&conversation), expected);
    let everybody = ["ann@contoso.com", "bob@contoso.com", "eve@contoso.com"];
    assert_eq!(addresses(&conversation), everybody);
    assert_eq!(conversation.records.len(), 4);
}

#[test]
fn quirk_a_message_without_recipients_sends_nobody_away() {
    let entries = [
        meeting(0, 1, "ann@contoso.com", &["bob@contoso.com"]),
        meeting(1, 2, "ann@contoso.com", &[]),
        meeting(2, 3, "bob@contoso.com", &["ann@contoso.com"]),
    ];

    let conversation = of_conference(entries.concat());

    assert_eq!(
        happened(&conversation),
        ["ann said", "ann said", "bob said"]
    );
}

#[test]
fn the_organizer_stands_first_and_only_where_he_was_there() {
    let there = of_conference(meeting(0, 1, "bob@contoso.com", &["ann@contoso.com"]));
    let away = of_conference(meeting(0, 1, "bob@contoso.com", &["eve@contoso.com"]));

    assert_eq!(addresses(&there), ["ann@contoso.com", "bob@contoso.com"]);
    assert_eq!(addresses(&away), ["bob@contoso.com", "eve@contoso.com"]);
    let key = "conference:ann@contoso.com;gruu;opaque=app:conf:chat:id:ab12";
    assert_eq!(there.key.as_str(), key);
}

#[test]
fn a_conference_without_a_uri_is_known_by_its_organizer_and_start() {
    let mut entries = meeting(1, 1, "bob@contoso.com", &["ann@contoso.com"]);
    if let Part::Message(message) = &mut entries[0].part {
        message.to = To::Conference {
            uri: None,
            organizer: Some("ann@contoso.com".to_owned()),
        };
    }

    let conversation = of_conference(entries);

    let key = "conference:ann@contoso.com@2016-10-14T12:00:00Z";
    assert_eq!(conversation.key.as_str(), key);
}

#[test]
fn what_was_captured_before_is_left_out_of_the_item() {
    let entries = vec![hello(0, 1, "hi", false), hello(1, 2, "bye", false)];
    let group = groups(entries, Stream::Messages).remove(0);

    let sorted = group.sort_out(&[true, false]);

    assert_eq!((sorted.said.len(), sorted.repeated.len()), (1, 1));
    assert_eq!(sorted.said[0].key.number, 2);
}

#[test]
fn the_test_vectors_of_the_documentation_hold() {
    const DOCUMENT: &str = include_str!("../../../../../docs/formats.md");
    let identity = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    let second = |second: i64| Moment::from_seconds(1_476_454_968 + second);
    let mut at = second(1);
    at.ticks += 1;
    let key = |number| Key {
        session: (second(0), 7),
        at,
        number,
    };
    let mut said = sort_out(vec![hello(0, 1, "hi", false)]).said;
    said[0].key = key(1);
    said[0].id = key(1).record_id(identity, Stream::Messages);
    let item = conversation("jalzflgvoe4y536i", &said).unwrap().id;

    for (of, value) in [
        ("row of `Messages`: record", said[0].id.to_string()),
        (
            "row of `ConferenceMessages`: record",
            key(4_711)
                .record_id(identity, Stream::Conferences)
                .to_string(),
        ),
        ("row of `Messages`: item", item.to_string()),
    ] {
        let line = format!("| {of} | `{value}` |");
        assert!(DOCUMENT.contains(&line), "{line}");
    }
}

/// A schema with everything, less some columns.
fn schema_without(missing: &[(&str, &str)]) -> Schema {
    let mandatory = tables::MANDATORY.iter().flat_map(|table| {
        let columns = table.columns.iter();
        columns.map(|(column, types)| (table.name, *column, types[0]))
    });
    let optional = tables::OPTIONAL.iter();
    let optional = optional.map(|(table, column)| (*table, *column, "int"));
    let session = ["SessionIdTime", "SessionIdSeq"].map(|column| ("Conferences", column, "int"));
    let columns = mandatory.chain(optional).chain(session);
    let columns = columns.filter(|(table, column, _)| !missing.contains(&(table, column)));
    Schema::from_columns(&columns.collect::<Vec<_>>())
}

#[test]
fn each_mandatory_column_that_is_missing_is_named() {
    for table in &tables::MANDATORY {
        for (column, _) in table.columns {
            let schema = schema_without(&[(table.name, column)]);

            let error = schema.require(&tables::MANDATORY).unwrap_err();

            let name = format!("dbo.{}.{column}", table.name);
            assert!(error.to_string().contains(&name), "{name}");
        }
    }
}

#[test]
fn a_time_that_cannot_be_compared_as_it_is_read_is_refused() {
    let schema = Schema::from_columns(&[("Messages", "MessageIdTime", "datetime2")]);

    let error = schema.require(&tables::MANDATORY[2..3]).unwrap_err();

    assert!(matches!(error, DatabaseError::Missing { .. }));
    let table = crate::database::Table {
        name: "Messages",
        columns: &tables::MANDATORY[2].columns[..1],
    };
    let error = schema.require(&[table]).unwrap_err();
    let expected = "dbo.Messages.MessageIdTime is datetime2, not datetime";
    assert!(error.to_string().contains(expected));
}

#[test]
fn quirk_optional_columns_are_left_out_of_the_statements() {
    for (table, column) in tables::OPTIONAL {
        let schema = schema_without(&[(table, column)]);

        schema.require(&tables::MANDATORY).unwrap();
        let statements = Statements::of(&schema);

        let all = [
            &statements.messages,
            &statements.conference_messages,
            &statements.recipients,
        ];
        let names = [
            ("Messages", "Toast", "m.Toast"),
            ("ConferenceMessages", "SessionIdSeq", "cf.SessionIdSeq"),
            (
                "ConferenceMessageRecipientList",
                "SessionIdTime",
                "rl.SessionIdTime",
            ),
            ("Conferences", "OrganizerId", "cf.OrganizerId"),
            ("Conferences", "ConferenceUri", "cf.ConferenceUri"),
        ];
        let used = names
            .iter()
            .filter(|(of, name, _)| (*of, *name) == (table, column));
        for (_, _, name) in used {
            assert!(
                all.iter().all(|statement| !statement.contains(name)),
                "{name}"
            );
        }
    }
}

#[test]
fn statements_are_of_the_dialect_and_name_themselves() {
    let schemas = [
        schema_without(&[]),
        schema_without(&tables::OPTIONAL),
        Schema::from_columns(&[
            ("ConferenceMessages", "SessionIdSeq", "int"),
            ("Conferences", "SessionIdTime", "datetime"),
            ("Conferences", "SessionIdSeq", "int"),
            ("Conferences", "ConferenceUriId", "int"),
            ("ConferenceUris", "ConferenceUriId", "int"),
            ("ConferenceUris", "ConferenceUri", "nvarchar"),
        ]),
    ];
    let mut all = super::statements::fixed();
    for schema in &schemas {
        let statements = Statements::of(schema);
        all.extend([
            statements.messages,
            statements.conference_messages,
            statements.recipients,
        ]);
    }

    for statement in all {
        assert!(statement.starts_with("/* chatkeep:"), "{statement}");
        assert!(!statement.contains("SELECT *"));
        let parsed =
            sqlparser::parser::Parser::parse_sql(&sqlparser::dialect::MsSqlDialect {}, &statement);
        assert!(parsed.is_ok(), "{statement}: {parsed:?}");
    }
}

proptest! {
    #[test]
    fn every_row_comes_to_exactly_one_thing(
        rows in prop::collection::vec(
            (0..300_i64, 0..40_i64, 0..3_usize, any::<bool>(), any::<bool>()),
            1..60,
        ),
    ) {
        let texts = ["hi", "bye", "ok"];
        let known: Vec<_> = rows.iter().map(|row| row.4).collect();
        let entries = rows.iter().map(|&(second, number, text, is_toast, _)| {
            hello(second, number, texts[text], is_toast)
        });
        let group = groups(entries.collect(), Stream::Messages).remove(0);

        let total = group.rows.len() + group.multiplied.len();
        let sorted = group.sort_out(&known[..known.len().min(total)]);

        prop_assert_eq!(total, rows.len());
        let came_to = sorted.said.len()
            + sorted.toasts.len()
            + sorted.unreadable.len()
            + sorted.repeated.len();
        prop_assert_eq!(came_to, rows.len());
        prop_assert_eq!(sequence(&sorted.said).len() as usize, sorted.said.len());
    }

    #[test]
    fn a_conversation_does_not_depend_on_the_order_in_which_rows_arrive(
        order in Just((0..12_i64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let of = |order: &[i64]| {
            let entries = order.iter().map(|&n| hello(n / 2, n, &format!("text {n}"), false));
            let sorted = sort_out(entries.collect());
            conversation("c", &sorted.said).unwrap()
        };
        let sorted: Vec<_> = (0..12).collect();

        prop_assert_eq!(of(&order), of(&sorted));
    }
}
