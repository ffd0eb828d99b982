//! What of a message survives in Exchange, which keeps no MIME: the fields that are compared when a run is
//! verified.

use chatkeep_model::identity;
use mail_parser::decoders::html::html_to_text;

use super::mime::{File, Mail};
use crate::target::Message;

/// The fields of a message that its owner sees, in one form before it is sent and after it was read
/// back: addresses in lower case, text without white space, times in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    subject: String,
    from: String,
    to: Vec<String>,
    sent: i64,
    received: i64,
    class: String,
    email: String,
    text: String,
    files: Vec<(String, [u8; 32])>,
}

/// Where the fields come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw<'a> {
    pub(crate) subject: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: Vec<&'a str>,
    /// Unix seconds.
    pub(crate) sent: i64,
    /// Unix seconds.
    pub(crate) received: i64,
    pub(crate) class: &'a str,
    pub(crate) email: &'a str,
    pub(crate) html: &'a str,
    /// Name and SHA-256.
    pub(crate) files: Vec<(String, [u8; 32])>,
}

impl Fields {
    /// Brings the fields into their one form.
    pub(crate) fn of(raw: Raw<'_>) -> Self {
        let lower = |address: &str| address.trim().to_lowercase();
        let mut to: Vec<_> = raw.to.into_iter().map(lower).collect();
        to.sort_unstable();
        let mut files = raw.files;
        files.sort_unstable();
        Self {
            subject: packed(raw.subject),
            from: lower(raw.from),
            to,
            sent: raw.sent,
            received: raw.received,
            class: raw.class.to_lowercase(),
            email: lower(raw.email),
            text: packed(&html_to_text(raw.html)),
            files,
        }
    }

    /// The fields of a message that is to be sent, with these of its files.
    pub(crate) fn of_mail(mail: &Mail, files: &[File], message: &Message, class: &str) -> Self {
        Self::of(Raw {
            subject: &mail.subject,
            from: &mail.from.address,
            to: mail.to.iter().map(|to| &*to.address).collect(),
            sent: mail.date.unwrap_or(message.date),
            received: message.date,
            class,
            email: &mail.email,
            html: &mail.html,
            files: files.iter().map(File::fingerprint).collect(),
        })
    }

    /// Digest over all fields.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut fields = identity::Fields::of("graph-fields")
            .text(&self.subject)
            .text(&self.from)
            .number(self.sent)
            .number(self.received)
            .text(&self.class)
            .text(&self.email)
            .text(&self.text);
        for address in &self.to {
            fields = fields.text("to").text(address);
        }
        for (name, sha256) in &self.files {
            fields = fields.text("file").text(name).bytes(sha256);
        }
        fields.digest()
    }
}

/// Text without white space: Exchange and its clients break lines as they like.
fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(html: &str) -> Raw<'_> {
        Raw {
            subject: "Conversation between Ann and Bob",
            from: "Ann@Contoso.com",
            to: vec!["bob@contoso.com", "cem@contoso.com"],
            sent: 1_551_693_600,
            received: 1_551_693_600,
            class: "IPM.Note",
            email: "ann@contoso.com;bob@contoso.com",
            html,
            files: vec![("a.txt".to_owned(), [1; 32])],
        }
    }

    const HTML: &str = "<!DOCTYPE html>\r\n<html><head><style>td{color:red}</style></head><body><table>\r\n<tr><td>Hi &amp; bye</td></tr></table></body></html>";

    #[test]
    fn what_exchange_rewrites_does_not_count() {
        let rewritten = "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head>\
            <body>\n<table><tbody><tr><td>Hi\n &amp; bye </td></tr></tbody></table>\n</body></html>";
        let mut again = raw(rewritten);
        again.from = "ann@contoso.com";
        again.to.reverse();

        assert_eq!(Fields::of(again), Fields::of(raw(HTML)));
    }

    #[test]
    fn every_field_counts() {
        let digest = |raw: Raw<'_>| Fields::of(raw).digest();
        let original = digest(raw(HTML));
        let changes: [fn(&mut Raw<'_>); 9] = [
            |raw| raw.subject = "Conversation",
            |raw| raw.from = "eve@contoso.com",
            |raw| raw.to.truncate(1),
            |raw| raw.sent += 1,
            |raw| raw.received += 1,
            |raw| raw.class = "IPM.Note.X",
            |raw| raw.email = "ann@contoso.com",
            |raw| raw.html = "<p>Hi &amp; bye!</p>",
            |raw| raw.files[0].1 = [2; 32],
        ];

        for (number, change) in changes.iter().enumerate() {
            let mut other = raw(HTML);
            change(&mut other);
            assert_ne!(digest(other), original, "change {number}");
        }
    }
}
