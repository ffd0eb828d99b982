//! Mailbox import against real mail servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod contract;
mod cuts;
#[cfg(feature = "microsoft365")]
mod entra;
mod exchange;
mod imap;
mod ledger;
mod literals;
mod maildir;
mod responses;
mod scripted;
mod stage;
mod stage_throttled;
mod support;

use support::Lab;

/// The targets of the contract.
fn labs() -> Vec<(&'static str, Lab)> {
    Lab::all()
}
