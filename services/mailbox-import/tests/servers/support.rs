//! Connectors, messages and ways to look at what was stored.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use chatkeep_mailbox_import::target::{
    Mailbox, Message, OpenGate, Outcome, Position, Target, Tenants, Timeouts, open_target,
};
use chatkeep_model::{ItemId, connector::Connector};
use chatkeep_testkit::{Cyrus, Dovecot};
use sha2::{Digest as _, Sha256};

pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(20),
};
pub(crate) const ANN: &str = "ann@contoso.com";
pub(crate) const BOB: &str = "bob@contoso.com";

/// A connector with this `[target]`; secrets lie in files of `folder`.
pub(crate) fn connector(target: &str, folder: &Path) -> Connector {
    std::fs::write(folder.join("password"), Dovecot::PASSWORD).unwrap();
    let text = format!(
        "name = \"Contoso\"\ndomain = \"contoso.com\"\n\
         [[sources]]\ntype = \"archiving-export\"\npath = \"exports\"\n\
         [directory]\ntype = \"csv\"\npath = \"directory.csv\"\n\
         [target]\n{target}\n"
    );
    Connector::parse(&text, folder).unwrap()
}

/// The `[target]` of an IMAP server without TLS.
pub(crate) fn plain_imap(address: SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "type = \"imap\"\nhost = \"{host}\"\nport = {port}\ntls = \"none\"\n\
         password = \"file:password\""
    )
}

/// A target and the server behind it.
pub(crate) struct Lab {
    pub(crate) target: Arc<dyn Target>,
    pub(crate) connector: Connector,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) dovecot: Option<Dovecot>,
    pub(crate) cyrus: Option<Cyrus>,
    /// What else must last as long.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) kept: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Lab {
    pub(crate) fn of(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connector = connector(target, folder.path());
        Self {
            target: open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap(),
            connector,
            folder,
            dovecot: None,
            cyrus: None,
            kept: None,
        }
    }

    pub(crate) fn maildir() -> Self {
        Self::of("type = \"maildir\"\npath = \"mail\"")
    }

    pub(crate) fn dovecot(dovecot: Dovecot) -> Self {
        let lab = Self::of(&plain_imap(dovecot.address()));
        Self {
            dovecot: Some(dovecot),
            ..lab
        }
    }

    pub(crate) fn cyrus() -> Self {
        let cyrus = Cyrus::start(&[ANN, BOB]).unwrap();
        let target = plain_imap(cyrus.address());
        let lab = Self::of(&format!(
            "{target}\nauth = \"authzid\"\nuser = \"file:user\""
        ));
        std::fs::write(lab.folder.path().join("user"), Cyrus::ADMIN).unwrap();
        Self {
            cyrus: Some(cyrus),
            ..lab
        }
    }

    /// Maildir, Dovecot and Cyrus.
    pub(crate) fn all() -> Vec<(&'static str, Self)> {
        vec![
            ("maildir", Self::maildir()),
            ("dovecot", Self::dovecot(Dovecot::start().unwrap())),
            ("cyrus", Self::cyrus()),
        ]
    }

    pub(crate) async fn open(&self, mailbox: &str) -> Box<dyn Mailbox> {
        self.target.open(mailbox).await.unwrap()
    }
}

/// The n-th message: a small mail, its text of any length.
pub(crate) fn message(number: u8, text: &str) -> Message {
    let item = ItemId::from_bytes([number; 32]);
    let id = item.message_id(1, "contoso.com");
    let date = 1_551_693_600 + i64::from(number) * 3_600;
    let bytes = format!(
        "From: Ann <ann@contoso.com>\r\nTo: Bob <bob@contoso.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
         Message-ID: {id}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         {text}\r\n"
    );
    Message {
        id,
        date,
        bytes: bytes.into(),
    }
}

/// Messages 1 to `count`.
pub(crate) fn messages(count: u8) -> Vec<Message> {
    let text = |number: u8| {
        format!("Zeile {number} – 日本語\r\n.\r\nFrom here on\r\n").repeat(number.into())
    };
    (1..=count)
        .map(|number| message(number, &text(number)))
        .collect()
}

fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)[..8])
}

/// What stands in the folder: Message-ID, digest of the bytes if they are those of one of these messages,
/// received date and whether read, sorted.
pub(crate) async fn contents(
    mailbox: &mut dyn Mailbox,
    known: &[Message],
) -> Vec<(String, String, i64, bool)> {
    let mut contents = Vec::new();
    for copy in mailbox.list(Position::default()).await.unwrap() {
        let stored = mailbox.read(&copy).await.unwrap();
        let is_it = |message: &&Message| {
            let sha256 = Sha256::digest(&message.bytes).into();
            message.id == copy.id && stored.content.is(&sha256)
        };
        let bytes = known
            .iter()
            .find(is_it)
            .map(|message| digest(&message.bytes));
        contents.push((copy.id, bytes.unwrap_or_default(), stored.date, stored.seen));
    }
    contents.sort();
    contents
}

/// What should stand in the folder.
pub(crate) fn expected(messages: &[Message]) -> Vec<(String, String, i64, bool)> {
    let message = |message: &Message| {
        (
            message.id.clone(),
            digest(&message.bytes),
            message.date,
            true,
        )
    };
    let mut expected: Vec<_> = messages.iter().map(message).collect();
    expected.sort();
    expected
}

/// Appends messages that must all be taken.
pub(crate) async fn store(mailbox: &mut dyn Mailbox, messages: &[Message]) {
    let appended = mailbox.append(messages, &OpenGate).await;
    assert!(appended.stopped.is_none(), "{:?}", appended.stopped);
    assert_eq!(appended.outcomes, vec![Outcome::Stored; messages.len()]);
}
