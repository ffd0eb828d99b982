//! What both roads into Exchange have in common, so that one suite runs over both.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatkeep_proto::v1::DeliveryState;

use crate::{bench::Bench, ews::Site, graph::Office, support::Lab};

pub(crate) const FOLDER: &str = "Inbox/Skype for Business";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    ListFolders,
    CreateFolder,
    CreateItems,
    ListItems,
    ReadItem,
    RemoveItem,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mishap {
    /// It is carried out, and the connection breaks before the answer.
    CommitThenDrop,
    /// The connection breaks, and nothing is carried out.
    DropBeforeCommit,
    /// The connection breaks, and it is carried out so much later.
    LateCommit(Duration),
    /// It is carried out, and answered with this HTTP status by something in between.
    CommitThenFail(u16),
    /// It is not carried out, and answered with this HTTP status.
    Fail(u16),
    /// It is not carried out, and is to be asked again after so long, where that is said.
    Busy(Option<Duration>),
    /// The token has ended. Tenants alone.
    TokenExpired,
    /// The first of several things is refused with this code. Servers alone.
    RefuseFirst(&'static str),
}

/// A message or item as it stands in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The import key.
    pub(crate) key: String,
    pub(crate) is_draft: bool,
    pub(crate) is_read: bool,
    /// Unix seconds.
    pub(crate) received: i64,
    /// Unix seconds.
    pub(crate) sent: i64,
    pub(crate) class: String,
    /// `PR_POLICY_TAG` in Base64, and `PR_RETENTION_PERIOD`.
    pub(crate) tag: Option<(String, String)>,
}

/// A tenant or a server with Ann's and Bob's mailboxes.
pub(crate) trait Company: Send + Sync {
    /// The type of the target.
    fn name(&self) -> &'static str;

    /// A connector that writes here, with further keys in the `[target]`.
    fn lab_with(&self, keys: &str) -> Lab;

    /// What stands in the folder of a mailbox, in any order.
    fn stored(&self, mailbox: &str) -> Vec<Stored>;

    /// The paths of a mailbox's folders.
    fn folders(&self, mailbox: &str) -> Vec<String>;

    /// Its owner deletes the folder, with everything in it.
    fn delete_folder(&self, mailbox: &str);

    /// Its owner deletes what has this import key; everything for `None`.
    fn delete(&self, mailbox: &str, key: Option<&str>);

    /// Keeps us out of a mailbox.
    fn deny(&self, mailbox: &str);

    /// Leaves room in a mailbox for some small messages, fewer than ten.
    fn leave_little_room(&self, mailbox: &str);

    /// What can go wrong with a request that creates something.
    fn mishaps(&self) -> Vec<Mishap>;

    /// Requests that create items when each of two mailboxes gets 30: the first of all, one among many, and
    /// one of the last mailbox.
    fn moments(&self) -> [u64; 3];

    /// How many of 40 messages stand after two requests that create items.
    fn after_two_requests(&self) -> usize;

    /// Goes wrong once: with the `nth` request of this kind from now on, the first being 1.
    fn fail(&self, step: Step, nth: u64, mishap: Mishap);

    /// How often something went wrong so far.
    fn failed(&self) -> u64;

    /// How many requests of a kind it got so far.
    fn requests(&self, step: Step) -> u64;
}

impl dyn Company {
    pub(crate) fn lab(&self) -> Lab {
        self.lab_with("")
    }

    /// A shard of mailboxes here.
    pub(crate) fn bench(&self) -> Bench {
        Bench::new(&self.lab())
    }

    /// What stands in the folder by import key, how many of each.
    pub(crate) fn copies(&self, mailbox: &str) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for stored in self.stored(mailbox) {
            *copies.entry(stored.key).or_default() += 1;
        }
        copies
    }
}

/// One of each kind.
pub(crate) fn companies() -> Vec<Box<dyn Company>> {
    vec![Box::new(Office::open()), Box::new(Site::open())]
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
