//! Conversations, files and a renderer for tests.

use std::{
    collections::HashMap,
    io::{self, Read},
    sync::LazyLock,
};

use chatkeep_conversion::{Files, Part, RenderError, RenderOptions, Renderer, Sanitizer};
use chatkeep_model::{
    Attachment, Body, Content, Conversation, ConversationKey, Event, ItemId, Kind, Participant,
    RecordId, UtcTime, What,
};
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

/// Monday, 5 June 2017, 09:15:02 UTC.
pub(crate) const START: i64 = 1_496_654_102;

static SANITIZER: LazyLock<Sanitizer> = LazyLock::new(Sanitizer::new);

pub(crate) fn participant(address: &str, name: &str) -> Participant {
    Participant {
        address: address.to_owned(),
        name: (!name.is_empty()).then(|| name.to_owned()),
        email: None,
    }
}

pub(crate) fn conversation() -> Conversation {
    let start = UtcTime::from_seconds(START);
    let key = ConversationKey::peer_to_peer(["ann@contoso.com", "bob@contoso.com"], start);
    let records = vec![RecordId::from_bytes([7; 32])];
    Conversation {
        id: ItemId::of("connector", &key, &records),
        kind: Kind::PeerToPeer,
        thread: key.thread(),
        key,
        subject: None,
        participants: vec![
            participant("ann@contoso.com", "Ann Example"),
            participant("bob@contoso.com", "Bob Example"),
        ],
        start,
        end: start,
        content: Content::Events(Vec::new()),
        attachments: Vec::new(),
        records,
        supersedes: None,
    }
}

pub(crate) fn with(events: Vec<Event>) -> Conversation {
    Conversation {
        content: Content::Events(events),
        ..conversation()
    }
}

pub(crate) fn event(second: i64, sender: u32, what: What) -> Event {
    Event {
        at: UtcTime::from_seconds(START + second),
        sender: Some(sender),
        what,
    }
}

pub(crate) fn body(media_type: &str, text: &str) -> Body {
    Body {
        media_type: media_type.to_owned(),
        text: text.to_owned(),
    }
}

pub(crate) fn said(second: i64, sender: u32, text: &str) -> Event {
    event(second, sender, What::Said(body("text/plain", text)))
}

pub(crate) fn options() -> RenderOptions {
    RenderOptions {
        connector: "contoso".to_owned(),
        domain: "archive.contoso.com".to_owned(),
        time_zone: TimeZone::UTC,
        json_record: false,
        max_part_bytes: 25_000_000,
    }
}

/// Files in memory.
#[derive(Debug, Default)]
pub(crate) struct Folder(HashMap<String, Vec<u8>>);

impl Folder {
    pub(crate) fn add(&mut self, name: &str, bytes: Vec<u8>) -> Attachment {
        let attachment = Attachment {
            name: name.to_owned(),
            media_type: "application/octet-stream".to_owned(),
            key: format!("attachment/{}", self.0.len()),
            sha256: Sha256::digest(&bytes).into(),
            size: bytes.len() as u64,
        };
        self.0.insert(attachment.key.clone(), bytes);
        attachment
    }
}

impl Files for Folder {
    fn open(&self, attachment: &Attachment) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0[&attachment.key].as_slice()))
    }
}

pub(crate) fn try_render(
    conversation: &Conversation,
    options: &RenderOptions,
    files: &Folder,
) -> Result<Vec<Vec<u8>>, RenderError> {
    let mut bytes = Vec::new();
    let parts = Renderer::new(options, &SANITIZER).render(conversation, files, &mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut take = |part: &Part| {
        let (message, behind) = rest.split_at(usize::try_from(part.size).unwrap());
        rest = behind;
        assert_eq!(Sha256::digest(message).as_slice(), part.sha256);
        assert!(part.size <= options.max_part_bytes);
        message.to_vec()
    };
    let messages = parts.iter().map(&mut take).collect();
    assert_eq!(rest, b"");
    Ok(messages)
}

pub(crate) fn render(conversation: &Conversation) -> String {
    let mut messages = try_render(conversation, &options(), &Folder::default()).unwrap();
    assert_eq!(messages.len(), 1);
    String::from_utf8(messages.remove(0)).unwrap()
}
