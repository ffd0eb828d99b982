//! `chatkeep archive` and the commands around it, as administrators call them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod audited;
mod bad_input;
mod balance;
mod commands;
mod company;
#[path = "../support/embedded.rs"]
mod embedded;
mod exactly_once;
mod full_disk;
mod held;
mod interrupted;
mod janitor;
#[path = "../support/no_ledger.rs"]
mod no_ledger;
mod revisions;
#[path = "../support/running.rs"]
mod running;
#[path = "../support/sandbox.rs"]
mod sandbox;
mod scheduled;
#[path = "../support/scheduled.rs"]
mod scheduled_run;
mod services;
mod taken_apart;
