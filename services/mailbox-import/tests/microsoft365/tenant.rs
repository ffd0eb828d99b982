//! A tenant with two mailboxes, and what stands in them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatkeep_proto::v1::DeliveryState;
use chatkeep_testkit::graph::{Options, Person, StoredMessage, Tenant};
use tokio::{runtime::Handle, task::block_in_place};

use crate::{
    bench::Bench,
    support::{ANN, BOB, Lab},
};

pub(crate) const FOLDER: &str = "Inbox/Skype for Business";

/// Ann's and Bob's company.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) tenant: Arc<Tenant>,
}

impl Office {
    pub(crate) fn open() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let tenant = block_in_place(|| Handle::current().block_on(Tenant::start(options)));
        for address in [ANN, BOB] {
            tenant.add(Person::new(address));
        }
        Self {
            tenant: Arc::new(tenant),
        }
    }

    /// The `[target]` of a connector.
    pub(crate) fn target(&self) -> String {
        format!(
            "type = \"graph\"\nendpoint = \"{}\"\nauth = {}",
            self.tenant.endpoint(),
            self.tenant.auth()
        )
    }

    pub(crate) fn lab(&self) -> Lab {
        let lab = Lab::of(&self.target());
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

    /// Runs the stage until nothing waits any more; what is put off, a moment later.
    pub(crate) async fn import_all(&self, bench: &Bench) {
        import_all(bench).await;
    }

    /// Messages in the folder by Message-ID, how many of each.
    pub(crate) fn copies(&self, mailbox: &str) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for message in self.stored(mailbox) {
            *copies.entry(message.message_id).or_default() += 1;
        }
        copies
    }

    /// Messages in the folder.
    pub(crate) fn stored(&self, mailbox: &str) -> Vec<StoredMessage> {
        let mut messages = self.tenant.messages(mailbox);
        messages.retain(|message| message.folder == FOLDER);
        messages
    }
}

/// Runs the stage until nothing waits any more; what is put off, a moment later.
pub(crate) async fn import_all(bench: &Bench) {
    for _ in 0..40 {
        drop(bench.run().await);
        let waits = bench.ledger.with(|state| {
            let open = state.deliveries.len() > state.outcomes.len();
            let waits =
                |outcome: &&(DeliveryState, String, i64)| outcome.0 == DeliveryState::Waiting;
            let due = state
                .outcomes
                .values()
                .filter(waits)
                .map(|outcome| outcome.2)
                .max();
            due.or(open.then_some(0))
        });
        let Some(due) = waits else { return };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let pause = u128::try_from(due).unwrap().saturating_sub(now).min(1_500);
        tokio::time::sleep(Duration::from_millis(u64::try_from(pause).unwrap())).await;
        bench.ledger.with(|state| {
            for (_, _, not_before) in state.outcomes.values_mut() {
                *not_before = 0;
            }
        });
    }
    panic!("still not done");
}
