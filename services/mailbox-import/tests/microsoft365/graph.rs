//! A tenant with two mailboxes, and what is true of tenants alone.

mod check;
mod large;
mod limits;
mod names;
mod trial;

use std::sync::Arc;

use chatkeep_testkit::graph::{Fault, Kind, Options, Person, StoredMessage, Tenant, property_id};
use tokio::{runtime::Handle, task::block_in_place};

pub(crate) use self::large::with_files;
use crate::{
    bench::Bench,
    company::{Company, FOLDER, Mishap, Step, Stored},
    support::{ANN, BOB, Lab},
};

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
    fn target(&self) -> String {
        format!(
            "type = \"graph\"\nendpoint = \"{}\"\nauth = {}",
            self.tenant.endpoint(),
            self.tenant.auth()
        )
    }

    fn lab(&self) -> Lab {
        self.lab_with("")
    }

    fn bench(&self) -> Bench {
        Bench::new(&self.lab())
    }

    /// Messages in the folder.
    fn messages(&self, mailbox: &str) -> Vec<StoredMessage> {
        let mut messages = self.tenant.messages(mailbox);
        messages.retain(|message| message.folder == FOLDER);
        messages
    }
}

fn key(message: &StoredMessage) -> Option<&str> {
    let key = property_id("String {5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813} Name ChatkeepKey");
    message.properties.get(&key).map(String::as_str)
}

fn kind(step: Step) -> Kind {
    match step {
        Step::ListFolders => Kind::ListFolders,
        Step::CreateFolder => Kind::CreateFolder,
        Step::CreateItems => Kind::CreateMessage,
        Step::ListItems => Kind::ListMessages,
        Step::ReadItem => Kind::GetMessage,
        Step::RemoveItem => Kind::PermanentlyDelete,
    }
}

fn fault(mishap: Mishap) -> Fault {
    let fail = |status, after| Fault::Fail { status, after };
    match mishap {
        Mishap::CommitThenDrop => Fault::CommitThenDrop,
        Mishap::DropBeforeCommit => Fault::DropBeforeCommit,
        Mishap::LateCommit(delay) => Fault::LateCommit(delay),
        Mishap::CommitThenFail(status) => Fault::CommitThenFail(status),
        Mishap::Fail(status) => fail(status, None),
        Mishap::Busy(after) => fail(429, after),
        Mishap::TokenExpired => Fault::TokenExpired,
        Mishap::RefuseFirst(code) => panic!("a request of a tenant creates one message: {code}"),
    }
}

impl Company for Office {
    fn name(&self) -> &'static str {
        "graph"
    }

    fn lab_with(&self, keys: &str) -> Lab {
        let lab = Lab::of(&format!("{}\n{keys}", self.target()));
        Lab {
            kept: Some(Box::new(self.clone())),
            ..lab
        }
    }

    fn stored(&self, mailbox: &str) -> Vec<Stored> {
        let stored = |message: &StoredMessage| {
            let property = |id| message.properties.get(&property_id(id)).cloned();
            Stored {
                key: key(message).unwrap_or_default().to_owned(),
                is_draft: message.is_draft,
                is_read: message.is_read,
                received: message.received,
                sent: message.sent,
                class: message.class.clone(),
                tag: property("Binary 0x3019").zip(property("Integer 0x301A")),
            }
        };
        self.messages(mailbox).iter().map(stored).collect()
    }

    fn folders(&self, mailbox: &str) -> Vec<String> {
        self.tenant.folders(mailbox)
    }

    fn delete_folder(&self, mailbox: &str) {
        self.tenant.delete_folder(mailbox, FOLDER);
    }

    fn delete(&self, mailbox: &str, wanted: Option<&str>) {
        let is_it = |message: &StoredMessage| wanted.is_none() || key(message) == wanted;
        self.tenant.delete_messages(mailbox, is_it);
    }

    fn deny(&self, mailbox: &str) {
        self.tenant.deny(mailbox, true);
    }

    fn leave_little_room(&self, mailbox: &str) {
        self.tenant.set_room(mailbox, Some(10_000));
    }

    fn mishaps(&self) -> Vec<Mishap> {
        let second = std::time::Duration::from_secs(1);
        vec![
            Mishap::CommitThenDrop,
            Mishap::DropBeforeCommit,
            Mishap::LateCommit(second * 7 / 10),
            Mishap::CommitThenFail(500),
            Mishap::CommitThenFail(503),
            Mishap::CommitThenFail(504),
            Mishap::Fail(503),
            Mishap::Fail(504),
            Mishap::Busy(Some(second)),
            Mishap::Busy(None),
            Mishap::TokenExpired,
        ]
    }

    fn moments(&self) -> [u64; 3] {
        [1, 9, 35]
    }

    fn after_two_requests(&self) -> usize {
        2
    }

    fn fail(&self, step: Step, nth: u64, mishap: Mishap) {
        self.tenant.faults().at(kind(step), nth, fault(mishap));
    }

    fn failed(&self) -> u64 {
        self.tenant.counts().faults
    }

    fn requests(&self, step: Step) -> u64 {
        self.tenant.counts().of(kind(step))
    }
}
