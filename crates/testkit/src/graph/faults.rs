use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Kind;
use crate::Seeded;

/// A probability is told in so many parts.
const PARTS: usize = 1_000_000;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It is carried out, and the connection breaks before the answer.
    CommitThenDrop,
    /// The connection breaks, and nothing is carried out.
    DropBeforeCommit,
    /// The connection breaks, and it is carried out so much later.
    LateCommit(Duration),
    /// It is carried out, and answered with this status (500, 502, 503 or 504).
    CommitThenFail(u16),
    /// It is not carried out, and answered with this status; `after` in whole seconds.
    Fail {
        /// The status: 429, 500, 502, 503 or 504.
        status: u16,
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// The token has ended: 401.
    TokenExpired,
}

/// What goes wrong, and when.
#[derive(Debug, Default)]
pub struct Faults {
    plans: Mutex<Vec<Plan>>,
}

#[derive(Debug)]
struct Plan {
    kind: Kind,
    fault: Fault,
    when: When,
}

#[derive(Debug)]
enum When {
    /// After so many more.
    Nth(u64),
    Randomly {
        probability: f64,
        random: Seeded,
    },
}

impl Faults {
    /// Goes wrong once: with the `nth` request of this kind from now on, the first being 1.
    pub fn at(&self, kind: Kind, nth: u64, fault: Fault) {
        self.push(kind, fault, When::Nth(nth));
    }

    /// Goes wrong with each request of this kind with this probability, 0 to 1. The same seed and the same
    /// order of requests give the same faults.
    pub fn randomly(&self, kind: Kind, probability: f64, seed: u64, fault: Fault) {
        let random = Seeded::new(seed);
        self.push(
            kind,
            fault,
            When::Randomly {
                probability,
                random,
            },
        );
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// What goes wrong with this request, the first that was asked for.
    pub(super) fn next(&self, kind: Kind) -> Option<Fault> {
        let mut plans = self.lock();
        let mut found = None;
        plans.retain_mut(|plan| {
            if plan.kind != kind {
                return true;
            }
            let (is_due, stays) = plan.when.step();
            if is_due && found.is_none() {
                found = Some(plan.fault);
            }
            stays
        });
        found
    }

    fn push(&self, kind: Kind, fault: Fault, when: When) {
        self.lock().push(Plan { kind, fault, when });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Plan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl When {
    /// Whether it is due, and whether it may be due again.
    fn step(&mut self) -> (bool, bool) {
        match self {
            Self::Nth(left) => {
                *left = left.saturating_sub(1);
                (*left == 0, *left > 0)
            }
            Self::Randomly {
                probability,
                random,
            } => (random.below(PARTS) < share(*probability), true),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and the number of parts"
)]
fn share(probability: f64) -> usize {
    (probability.clamp(0.0, 1.0) * PARTS as f64) as usize
}
