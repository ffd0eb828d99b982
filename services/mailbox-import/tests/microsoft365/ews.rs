//! An Exchange Server with two mailboxes, and what is true of servers alone.

mod batches;
mod check;
mod encrypted;

use std::{sync::Arc, time::Duration};

use chatkeep_testkit::ews::{ExchangeServer, Fault, Operation, StoredItem};
use tokio::{runtime::Handle, task::block_in_place};

use crate::{
    company::{Company, FOLDER, Mishap, Step, Stored},
    support::{ANN, BOB, Lab},
};

/// Ann's and Bob's company.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) server: Arc<ExchangeServer>,
}

impl Site {
    pub(crate) fn open() -> Self {
        Self::of(ExchangeServer::start())
    }

    /// Reached over TLS.
    pub(crate) fn open_encrypted() -> Self {
        Self::of(ExchangeServer::start_encrypted())
    }

    fn of(server: impl Future<Output = ExchangeServer>) -> Self {
        let server = block_in_place(|| Handle::current().block_on(server));
        for address in [ANN, BOB] {
            server.add(address);
        }
        Self {
            server: Arc::new(server),
        }
    }

    fn lab(&self) -> Lab {
        self.lab_with("")
    }

    /// Items in the folder.
    fn items(&self, mailbox: &str) -> Vec<StoredItem> {
        let mut items = self.server.items(mailbox);
        items.retain(|item| item.folder == FOLDER);
        items
    }
}

fn key(item: &StoredItem) -> Option<&str> {
    item.properties.get("ChatkeepKey").map(String::as_str)
}

fn operation(step: Step) -> Operation {
    match step {
        Step::ListFolders => Operation::FindFolder,
        Step::CreateFolder => Operation::CreateFolder,
        Step::CreateItems => Operation::CreateItem,
        Step::ListItems => Operation::FindItem,
        Step::ReadItem => Operation::GetItem,
        Step::RemoveItem => Operation::DeleteItem,
    }
}

fn fault(mishap: Mishap) -> Fault {
    match mishap {
        Mishap::CommitThenDrop => Fault::CommitThenDrop,
        Mishap::DropBeforeCommit => Fault::DropBeforeCommit,
        Mishap::LateCommit(delay) => Fault::LateCommit(delay),
        Mishap::CommitThenFail(status) => Fault::CommitThenFail(status),
        Mishap::Fail(status) => Fault::Fail(status),
        Mishap::Busy(Some(after)) => Fault::Busy(after),
        Mishap::RefuseFirst(code) => Fault::RefuseFirst(code),
        Mishap::Busy(None) | Mishap::TokenExpired => panic!("no server does so: {mishap:?}"),
    }
}

impl Company for Site {
    fn name(&self) -> &'static str {
        "ews"
    }

    fn lab_with(&self, keys: &str) -> Lab {
        let lab = Lab::of(&format!("{}\n{keys}", self.server.target()));
        Lab {
            kept: Some(Box::new(self.clone())),
            ..lab
        }
    }

    fn stored(&self, mailbox: &str) -> Vec<Stored> {
        let stored = |item: &StoredItem| Stored {
            key: key(item).unwrap_or_default().to_owned(),
            is_draft: item.is_draft,
            is_read: item.is_read,
            received: item.received,
            sent: item.sent,
            class: item.class.clone(),
            tag: Option::zip(
                item.properties.get("0x3019").cloned(),
                item.properties.get("0x301a").cloned(),
            ),
        };
        self.items(mailbox).iter().map(stored).collect()
    }

    fn folders(&self, mailbox: &str) -> Vec<String> {
        self.server.folders(mailbox)
    }

    fn delete_folder(&self, mailbox: &str) {
        self.server.delete_folder(mailbox, FOLDER);
    }

    fn delete(&self, mailbox: &str, wanted: Option<&str>) {
        let is_it = |item: &StoredItem| wanted.is_none() || key(item) == wanted;
        self.server.delete_items(mailbox, is_it);
    }

    fn deny(&self, mailbox: &str) {
        self.server.deny(mailbox, true);
    }

    fn leave_little_room(&self, mailbox: &str) {
        self.server.set_room(mailbox, Some(1_000));
    }

    fn mishaps(&self) -> Vec<Mishap> {
        vec![
            Mishap::CommitThenDrop,
            Mishap::DropBeforeCommit,
            Mishap::LateCommit(Duration::from_millis(700)),
            Mishap::CommitThenFail(503),
            Mishap::Fail(500),
            Mishap::Fail(504),
            Mishap::Busy(Some(Duration::from_secs(1))),
            Mishap::RefuseFirst("ErrorInternalServerTransientError"),
            Mishap::RefuseFirst("ErrorBatchProcessingStopped"),
        ]
    }

    fn moments(&self) -> [u64; 3] {
        [1, 2, 4]
    }

    /// The first message alone, and a batch.
    fn after_two_requests(&self) -> usize {
        26
    }

    fn fail(&self, step: Step, nth: u64, mishap: Mishap) {
        self.server.fail(operation(step), nth, fault(mishap));
    }

    fn failed(&self) -> u64 {
        self.server.faults()
    }

    fn requests(&self, step: Step) -> u64 {
        self.server.requests(operation(step))
    }
}
