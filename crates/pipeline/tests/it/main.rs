//! What the [`Worker`](chatkeep_pipeline::Worker) promises, and every queue.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../contract/mod.rs"]
mod contract;
mod fake_ledger;
mod memory;
mod secrets;
mod worker;
