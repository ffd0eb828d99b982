//! What every [`Queue`] and the [`Worker`] promise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake_ledger;
mod queue;
mod worker;
