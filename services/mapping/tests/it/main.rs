//! The service from outside: tasks in, completions out, against a ledger that only remembers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "microsoft365")]
mod graph;
mod ledger;
mod preview;
#[cfg(feature = "microsoft365")]
mod ranges;
#[cfg(feature = "microsoft365")]
mod refreshing;
mod sample;
mod tasks;
mod world;
