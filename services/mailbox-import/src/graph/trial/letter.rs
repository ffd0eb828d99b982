//! Messages that say that they are none.

use data_encoding::BASE64;

use crate::target::Message;

/// How the Message-IDs of all of them begin.
pub(super) const PREFIX: &str = "<chatkeep-canary.";
/// 2019-03-04, 10:00 UTC, in Unix seconds: long ago, so that nobody takes another date for it.
pub(super) const DATE: i64 = 1_551_693_600;
/// Bytes of a file that goes in an upload session, in one range.
const LARGE: usize = 3_200_000;

/// A message, and what of it is looked for again.
pub(super) struct Letter {
    pub(super) message: Message,
    pub(super) sender: String,
}

/// What is the same for all messages of a trial.
pub(super) struct Stationery<'a> {
    /// Sets this trial apart from others.
    pub(super) stamp: i64,
    /// Domain of the Message-IDs and of senders of ours.
    pub(super) domain: &'a str,
    /// Whom they are to.
    pub(super) mailbox: &'a str,
}

impl Stationery<'_> {
    /// A small message. Those with an even number come from somebody elsewhere (RFC 2606), as those of
    /// federated users do.
    pub(super) fn small(&self, number: u8) -> Letter {
        self.letter(number, "")
    }

    /// A message with a file that does not fit into one request.
    pub(super) fn large(&self, number: u8) -> Letter {
        let byte = |index: usize| u8::try_from(index % 251).unwrap_or_default();
        let bytes: Vec<u8> = (0..LARGE).map(byte).collect();
        let file = format!(
            "--chatkeep\r\nContent-Type: application/octet-stream\r\n\
             Content-Disposition: attachment; filename=\"synthetic.bin\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            BASE64.encode(&bytes)
        );
        self.letter(number, &file)
    }

    fn letter(&self, number: u8, file: &str) -> Letter {
        let domain = if number.is_multiple_of(2) {
            "example.org"
        } else {
            self.domain
        };
        let sender = format!("chatkeep-canary@{domain}");
        let id = format!("{PREFIX}{}.{number}@{}>", self.stamp, self.domain);
        let to = self.mailbox;
        // Characters of one to four bytes, and a table, which Exchange completes.
        let text = format!(
            "From: Chatkeep canary <{sender}>\r\nTo: <{to}>\r\n\
             Date: Mon, 04 Mar 2019 10:00:00 +0000\r\n\
             Subject: Chatkeep canary {number}: synthetic test item, no conversation\r\n\
             Message-ID: {id}\r\nEmail: {sender}, {to}\r\nX-Chatkeep-Kind: canary\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"chatkeep\"\r\n\r\n\
             --chatkeep\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n\
             <!DOCTYPE html>\r\n<html><body><p>A synthetic test item of Chatkeep: nobody has written \
             this.</p>\r\n<table><tr><td>10:00</td><td>Gr\u{fc}\u{df}e &amp; \u{65e5}\u{672c} \u{1f426}</td>\
             </tr></table></body></html>\r\n{file}--chatkeep--\r\n"
        );
        Letter {
            message: Message {
                id,
                date: DATE,
                bytes: text.into(),
            },
            sender,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exchange::Marks, graph::item::Item};

    #[test]
    fn small_ones_are_one_request_and_the_large_one_leaves_its_file_for_later() {
        let stationery = Stationery {
            stamp: 1,
            domain: "contoso.com",
            mailbox: "ann@contoso.com",
        };
        let marks = Marks {
            class: "IPM.Note".to_owned(),
            tag: None,
        };
        let item = |letter: Letter| Item::of(&letter.message, &marks).unwrap();

        let small = item(stationery.small(1));
        let large = item(stationery.large(2));

        assert_eq!((small.later.len(), large.later.len()), (0, 1));
        assert_eq!(large.later[0].bytes.len(), LARGE);
        let create = String::from_utf8(small.create.to_vec()).unwrap();
        assert!(
            create.contains("synthetic") && create.contains("\u{1f426}"),
            "{create}"
        );
    }
}
