//! The header of a part.

use std::fmt::Write as _;

use chatkeep_model::Conversation;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{RENDERER_VERSION, RenderOptions, compose::Number, encoded_word, mailbox, title};
use crate::transcript::{clock, label::one_line};

/// The header fields of an item. All but three lines are the same in each part.
#[derive(Debug)]
pub(super) struct Headers {
    /// `From` to `To`.
    addresses: String,
    pub(super) title: String,
    message_id: (String, String),
    date: String,
    rest: String,
}

impl Headers {
    pub(super) fn new(conversation: &Conversation, options: &RenderOptions) -> Self {
        let mut addresses = String::with_capacity(64 * (1 + conversation.participants.len()));
        mailbox::write_from_and_to(&conversation.participants, &mut addresses);
        let mut date = String::with_capacity(32);
        clock::write_rfc5322(conversation.start, &mut date);
        Self {
            addresses,
            title: title::of(conversation),
            message_id: (conversation.id.base32(), options.domain.clone()),
            date,
            rest: rest(conversation, options),
        }
    }

    /// Writes the fields up to `MIME-Version`; `Content-Type` follows.
    pub(super) fn write(&self, part: Number, header: &mut String) {
        header.push_str(&self.addresses);
        if part.count == 1 {
            encoded_word::write_unstructured("Subject", &self.title, header);
        } else {
            let subject = format!("{} ({}/{})", self.title, part.number, part.count);
            encoded_word::write_unstructured("Subject", &subject, header);
        }
        header.push_str("Date: ");
        header.push_str(&self.date);
        header.push_str("\r\nMessage-ID: <");
        header.push_str(&self.message_id.0);
        header.push('.');
        clock::write_number(i64::from(part.number), header);
        header.push('@');
        header.push_str(&self.message_id.1);
        header.push_str(">\r\n");
        header.push_str(&self.rest);
        header.push_str("X-Chatkeep-Part: ");
        clock::write_number(i64::from(part.number), header);
        header.push('/');
        clock::write_number(i64::from(part.count), header);
        header.push_str("\r\nMIME-Version: 1.0\r\n");
    }
}

fn rest(conversation: &Conversation, options: &RenderOptions) -> String {
    let mut rest = String::with_capacity(900);
    let root = conversation.thread.root_message_id(&options.domain);
    for piece in ["In-Reply-To: ", &root, "\r\nReferences: ", &root, "\r\n"] {
        rest.push_str(piece);
    }
    mailbox::write_email(&conversation.participants, &mut rest);
    encoded_word::write_unstructured(
        "X-Chatkeep-Connector",
        &one_line(&options.connector),
        &mut rest,
    );
    for piece in ["X-Chatkeep-Kind: ", conversation.kind.as_str(), "\r\n"] {
        rest.push_str(piece);
    }
    encoded_word::write_unstructured(
        "X-Chatkeep-Conversation",
        conversation.key.as_str(),
        &mut rest,
    );
    rest.push_str("X-Chatkeep-First-Message: ");
    clock::write_rfc3339(conversation.start, &mut rest);
    rest.push_str("\r\nX-Chatkeep-Last-Message: ");
    clock::write_rfc3339(conversation.end, &mut rest);
    rest.push_str("\r\nX-Chatkeep-Records: ");
    clock::write_number(
        i64::try_from(conversation.records.len()).unwrap_or(i64::MAX),
        &mut rest,
    );
    rest.push_str("\r\nX-Chatkeep-Records-SHA256: ");
    HEXLOWER.encode_append(&records_digest(conversation), &mut rest);
    rest.push_str("\r\nX-Chatkeep-Renderer: ");
    clock::write_number(i64::from(RENDERER_VERSION), &mut rest);
    rest.push_str("\r\n");
    if let Some(superseded) = conversation.supersedes {
        let message_id = superseded.message_id(1, &options.domain);
        // Writing to a string does not fail.
        let _written = write!(rest, "X-Chatkeep-Supersedes: {message_id}\r\n");
    }
    rest
}

/// SHA-256 over the record ids, sorted, 32 bytes each, one behind the other.
fn records_digest(conversation: &Conversation) -> [u8; 32] {
    let mut hash = Sha256::new();
    if conversation.records.is_sorted() {
        for record in &conversation.records {
            hash.update(record.as_bytes());
        }
    } else {
        let mut sorted = conversation.records.clone();
        sorted.sort_unstable();
        for record in sorted {
            hash.update(record.as_bytes());
        }
    }
    hash.finalize().into()
}
