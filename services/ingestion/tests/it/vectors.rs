//! The test vectors of `docs/formats.md`: what ends up in mailboxes may never change.

use std::io;

use chatkeep_ingestion::{
    eml::{Eml, Files, Limits, Mail, Sequence, StoredFile, participants_digest},
    xml,
};
use chatkeep_model::{ConversationKey, ItemId, ThreadKey, identity::connector_id};

use crate::build::{P2P, ROOM};

const DOCUMENT: &str = include_str!("../../../../docs/formats.md");

struct NoFiles;

impl Files for NoFiles {
    type File = io::Sink;

    fn create(&mut self) -> io::Result<io::Sink> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn store(&mut self, _: io::Sink) -> io::Result<StoredFile> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn p2p() -> Eml {
    let mail = Mail::open(P2P, "p2p.eml").unwrap().unwrap();
    mail.read_body(Limits::default(), &mut NoFiles)
        .unwrap()
        .unwrap()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn of_mail(connector: &str) -> Vec<(&'static str, String)> {
    let eml = p2p();
    let key = eml.envelope.key.clone();
    let record = eml.record_id();
    let item = ItemId::of(connector, &key, &[record]);
    let sequence = Sequence::of(&eml.transcript, &eml.attachments);
    vec![
        ("mail: record", record.to_string()),
        ("mail: conversation key", key.as_str().to_owned()),
        ("mail: conversation digest", hex(&key.digest())),
        ("mail: item", item.to_string()),
        (
            "mail: Message-ID of part 1",
            item.message_id(1, "contoso.com"),
        ),
        (
            "mail: root of the thread",
            key.thread().root_message_id("contoso.com"),
        ),
        (
            "mail: participants digest",
            hex(&participants_digest(&eml.envelope.participants)),
        ),
        ("mail: sequence of 2", hex(&sequence.prefix(2).unwrap())),
    ]
}

fn of_room(connector: &str) -> Vec<(&'static str, String)> {
    let mut events = Vec::new();
    let read = xml::read(ROOM, |event| {
        events.push(event);
        Ok::<_, io::Error>(())
    });
    read.unwrap().unwrap();
    let content = events[1].content_id();
    let record = xml::record_id(content, 0);
    let key = ConversationKey::room(&events[1].room.uri, events[1].at().day());
    let thread = ThreadKey::room(&events[1].room.uri);
    let item = ItemId::of(connector, &key, &[record, xml::record_id(content, 1)]);
    vec![
        ("room: content", content.to_string()),
        ("room: record, ordinal 0", record.to_string()),
        (
            "room: record, ordinal 1",
            xml::record_id(content, 1).to_string(),
        ),
        ("room: conversation key", key.as_str().to_owned()),
        ("room: conversation digest", hex(&key.digest())),
        ("room: item of both records", item.to_string()),
        (
            "room: Message-ID of part 2",
            item.message_id(2, "contoso.com"),
        ),
        (
            "room: root of the thread",
            thread.root_message_id("contoso.com"),
        ),
    ]
}

#[test]
fn identities_are_those_of_the_document() {
    let connector = connector_id("Contoso Skype for Business");
    let mut vectors = vec![("connector id", connector.clone())];
    vectors.extend(of_mail(&connector));
    vectors.extend(of_room(&connector));
    let organizer = ConversationKey::organized("ann@contoso.com", p2p().envelope.start);
    vectors.push((
        "conference: conversation key",
        organizer.as_str().to_owned(),
    ));

    let rows = vectors
        .iter()
        .map(|(name, value)| format!("| {name} | `{value}` |"));
    let missing: Vec<_> = rows
        .filter(|row| !DOCUMENT.contains(row.as_str()))
        .collect();

    assert!(
        missing.is_empty(),
        "not in docs/formats.md:\n{}",
        missing.join("\n")
    );
}
