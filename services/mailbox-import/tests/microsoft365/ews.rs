//! An Exchange Server with two mailboxes, and what happens to messages on their way there.

mod check;
mod encrypted;
mod faults;
mod refusals;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chatkeep_testkit::ews::{ExchangeServer, StoredItem};
use tokio::{runtime::Handle, task::block_in_place};

use crate::{
    bench::Bench,
    support::{ANN, BOB, Lab},
    tenant::FOLDER,
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

    pub(crate) fn lab(&self) -> Lab {
        self.lab_with("")
    }

    /// With further keys in the `[target]`.
    pub(crate) fn lab_with(&self, keys: &str) -> Lab {
        let lab = Lab::of(&format!("{}\n{keys}", self.server.target()));
        Lab {
            kept: Some(Box::new(self.clone())),
            ..lab
        }
    }

    /// A shard of mailboxes here; answers are waited for no longer than a test can wait.
    pub(crate) fn bench(&self) -> Bench {
        let mut bench = Bench::new(&self.lab());
        bench.settings.answer_timeout = Duration::from_secs(1);
        bench
    }

    /// Items in the folder.
    pub(crate) fn stored(&self, mailbox: &str) -> Vec<StoredItem> {
        let mut items = self.server.items(mailbox);
        items.retain(|item| item.folder == FOLDER);
        items
    }

    /// Items in the folder by their import key, how many of each.
    pub(crate) fn copies(&self, mailbox: &str) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for item in self.stored(mailbox) {
            let key = item.properties["ChatkeepKey"].clone();
            *copies.entry(key).or_default() += 1;
        }
        copies
    }
}
