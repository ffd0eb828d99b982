//! A shard of mailboxes and a ledger in memory, to run the stage on.

use std::time::Duration;

use bytes::Bytes;
use chatkeep_mailbox_import::{MailboxImport, Settings, target::Message};
use chatkeep_model::ItemId;
use chatkeep_pipeline::{Stage as _, StageError};
use chatkeep_proto::v1::{Delivery, Part, Task};
use chatkeep_staging::{BlobKind, Staging};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::FakeLedger,
    support::{Lab, contents, expected, message},
};

pub(crate) const TERM: Duration = Duration::from_millis(500);

/// A shard with deliveries, and everything to import them.
pub(crate) struct Bench {
    pub(crate) ledger: FakeLedger,
    staging: Staging,
    pub(crate) settings: Settings,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new(lab: &Lab) -> Self {
        Self::with(&lab.connector.to_toml().unwrap())
    }

    pub(crate) fn with(connector_file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = FakeLedger::default();
        ledger.with(|state| {
            connector_file.clone_into(&mut state.connector_file);
            state.term = TERM;
            state.settled_in = TERM;
        });
        Self {
            ledger,
            staging: Staging::folder(folder.path()).unwrap(),
            settings: Settings {
                connect_timeout: Duration::from_secs(5),
                answer_timeout: Duration::from_secs(10),
                ..Settings::default()
            },
            _folder: folder,
        }
    }

    /// Adds one item, of these parts, for each of these mailboxes; the messages that should come of it.
    pub(crate) async fn item(
        &self,
        number: u8,
        mailboxes: &[&str],
        texts: &[&str],
    ) -> Vec<Message> {
        let item = ItemId::from_bytes([number; 32]);
        let mut messages = Vec::new();
        for (part, text) in (1..).zip(texts) {
            let mut message = message(number, text);
            let id = item.message_id(part, "contoso.com");
            let text = String::from_utf8(message.bytes.to_vec()).unwrap();
            message.bytes = Bytes::from(text.replace(&message.id, &id));
            message.id = id;
            messages.push(message);
        }
        self.deliver(item, mailboxes, &messages).await;
        messages
    }

    /// Adds one item of these messages for each of these mailboxes.
    pub(crate) async fn deliver(&self, item: ItemId, mailboxes: &[&str], messages: &[Message]) {
        let mut parts = Vec::new();
        let mut bytes = Vec::new();
        for message in messages {
            parts.push(Part {
                offset: bytes.len() as u64,
                size: message.bytes.len() as u64,
                sha256: Sha256::digest(&message.bytes).to_vec().into(),
            });
            bytes.extend_from_slice(&message.bytes);
        }
        let blob = self.staging.put(BlobKind::Items, bytes).await.unwrap();
        self.ledger.with(|state| {
            for mailbox in mailboxes {
                state.deliveries.push(Delivery {
                    id: i64::try_from(state.deliveries.len()).unwrap() + 1,
                    mailbox: (*mailbox).to_owned(),
                    item: item.as_bytes().to_vec().into(),
                    date: messages[0].date,
                    blob: Some(blob.clone()),
                    parts: parts.clone(),
                });
            }
        });
    }

    pub(crate) async fn items(&self, count: u8, mailboxes: &[&str]) -> Vec<Message> {
        let mut messages = Vec::new();
        for number in 1..=count {
            messages.extend(self.item(number, mailboxes, &["Hello\r\n"]).await);
        }
        messages
    }

    pub(crate) async fn run(&self) -> Result<(), StageError> {
        let stage = MailboxImport::new(
            &self.settings,
            self.ledger.client(),
            self.staging.clone(),
            CancellationToken::new(),
        );
        let task = Task {
            id: "import".to_owned(),
            run: 1,
            ..Task::default()
        };
        stage.process(task).await.map(drop)
    }
}

pub(crate) async fn assert_holds(lab: &Lab, mailbox: &str, messages: &[Message]) {
    let mut open = lab.open(mailbox).await;
    assert_eq!(
        contents(&mut *open, messages).await,
        expected(messages),
        "{mailbox}"
    );
}
