use std::collections::BTreeMap;

use super::Kind;

/// How many requests a tenant got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By what they asked for. Requests inside a batch count, and so does the batch.
    pub requests: BTreeMap<Kind, u64>,
    /// Those that a limit refused with 429: the client asked more than it may.
    pub throttled: u64,
    /// Those that a fault was made of.
    pub faults: u64,
    /// The largest number of requests that one mailbox had at the same time.
    pub most_concurrent: u32,
}

impl Counts {
    /// Requests of a kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.requests.get(&kind).copied().unwrap_or_default()
    }

    /// All requests but those for tokens; a batch counts as what is in it.
    pub fn total(&self) -> u64 {
        let requests = self.requests.iter();
        let counted = requests.filter(|(kind, _)| !matches!(kind, Kind::Token | Kind::Batch));
        counted.map(|(_, count)| count).sum()
    }

    pub(super) fn add(&mut self, kind: Kind) {
        *self.requests.entry(kind).or_default() += 1;
    }
}
