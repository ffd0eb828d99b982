//! A corpus as e-mail messages: what every importer gets, byte for byte.

use std::{fs, io, io::Read, path::Path};

use bytes::Bytes;
use chatkeep_conversion::{Files, RenderOptions, Renderer, Sanitizer};
use chatkeep_model::Attachment;
use jiff::tz::TimeZone;

use super::{Corpus, Form, OURS};

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) mailbox: String,
    /// With angle brackets.
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) date: i64,
    /// Lines ended by CRLF.
    pub(crate) bytes: Bytes,
}

/// A conversation without files.
#[derive(Debug)]
pub(crate) struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &Attachment) -> io::Result<Box<dyn Read + '_>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The options every rendering here has.
pub(crate) fn options() -> RenderOptions {
    RenderOptions {
        connector: "bench".to_owned(),
        domain: OURS.to_owned(),
        time_zone: TimeZone::UTC,
        json_record: false,
        max_part_bytes: 25_000_000,
    }
}

/// Renders a corpus, mailbox after mailbox.
pub(crate) fn messages(corpus: &Corpus) -> anyhow::Result<Vec<Message>> {
    let (options, sanitizer) = (options(), Sanitizer::default());
    let renderer = Renderer::new(&options, &sanitizer);
    let mut messages = Vec::new();
    for chat in corpus.chats() {
        let conversation = chat.conversation(Form::Plain);
        let mut bytes = Vec::new();
        renderer.render(&conversation, &NoFiles, &mut bytes)?;
        let bytes = Bytes::from(bytes);
        messages.extend(corpus.owners(chat.index).map(|mailbox| Message {
            mailbox,
            id: conversation.id.message_id(1, OURS),
            date: chat.start,
            bytes: bytes.clone(),
        }));
    }
    messages.sort_by(|a, b| (&a.mailbox, a.date).cmp(&(&b.mailbox, b.date)));
    Ok(messages)
}

/// Writes the messages as a Maildir per mailbox, line ends as Maildir has them: what the peers read.
pub(crate) fn maildirs(messages: &[Message], folder: &Path) -> io::Result<()> {
    for (number, message) in messages.iter().enumerate() {
        let maildir = folder.join(&message.mailbox);
        let current = maildir.join("cur");
        if !current.exists() {
            fs::create_dir_all(&current)?;
            fs::create_dir(maildir.join("new"))?;
            fs::create_dir(maildir.join("tmp"))?;
        }
        let file = current.join(format!("{}.{number:08}.bench:2,S", message.date));
        fs::write(file, with_line_feeds(&message.bytes))?;
    }
    rustix::fs::sync();
    Ok(())
}

/// CRLF becomes LF.
pub(crate) fn with_line_feeds(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len());
    for (position, byte) in message.iter().enumerate() {
        if *byte != b'\r' || message.get(position + 1) != Some(&b'\n') {
            bytes.push(*byte);
        }
    }
    bytes
}
