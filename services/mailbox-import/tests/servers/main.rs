//! Mailbox import against real mail servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod cuts;
mod imap;
mod ledger;
mod responses;
mod scripted;
mod stage;
mod support;
