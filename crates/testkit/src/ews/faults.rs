use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A folder by its id.
    GetFolder,
    /// Folders in a folder.
    FindFolder,
    /// A new folder.
    CreateFolder,
    /// New items.
    CreateItem,
    /// Items in a folder.
    FindItem,
    /// Items by their ids.
    GetItem,
    /// Items that go.
    DeleteItem,
    /// A file of an item.
    GetAttachment,
    /// Anything else.
    Unknown,
}

impl Operation {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "m:GetFolder" => Self::GetFolder,
            "m:FindFolder" => Self::FindFolder,
            "m:CreateFolder" => Self::CreateFolder,
            "m:CreateItem" => Self::CreateItem,
            "m:FindItem" => Self::FindItem,
            "m:GetItem" => Self::GetItem,
            "m:DeleteItem" => Self::DeleteItem,
            "m:GetAttachment" => Self::GetAttachment,
            _ => Self::Unknown,
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It is carried out, and the connection breaks before the answer.
    CommitThenDrop,
    /// The connection breaks, and nothing is carried out.
    DropBeforeCommit,
    /// The connection breaks, and it is carried out so much later.
    LateCommit(Duration),
    /// It is carried out, and answered with this HTTP status, not by the service.
    CommitThenFail(u16),
    /// It is not carried out, and answered with this HTTP status, not by the service.
    Fail(u16),
    /// It is not carried out, and refused as a whole: `ErrorServerBusy`, with `BackOffMilliseconds`.
    Busy(Duration),
    /// It is not carried out, and refused as a whole with this code.
    Refuse(&'static str),
    /// The first thing it asks for is answered with this code and not done, the others are.
    RefuseFirst(&'static str),
    /// It is carried out and answered, and then owners delete the oldest item of their mailboxes.
    ThenOldestGoes,
}

/// What goes wrong, when, and what was asked so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    plans: Vec<(Operation, u64, Fault)>,
    requests: BTreeMap<Operation, u64>,
    happened: u64,
}

impl Faults {
    pub(super) fn at(&self, operation: Operation, nth: u64, fault: Fault) {
        self.lock().plans.push((operation, nth, fault));
    }

    pub(super) fn requests(&self, operation: Operation) -> u64 {
        let requests = &self.lock().requests;
        requests.get(&operation).copied().unwrap_or_default()
    }

    /// How often something went wrong.
    pub(super) fn happened(&self) -> u64 {
        self.lock().happened
    }

    /// Counts a request; what goes wrong with it.
    pub(super) fn next(&self, operation: Operation) -> Option<Fault> {
        let mut known = self.lock();
        *known.requests.entry(operation).or_default() += 1;
        let mut found = None;
        known.plans.retain_mut(|(kind, left, fault)| {
            if *kind != operation {
                return true;
            }
            *left = left.saturating_sub(1);
            if *left == 0 && found.is_none() {
                found = Some(*fault);
            }
            *left > 0
        });
        known.happened += u64::from(found.is_some());
        found
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
