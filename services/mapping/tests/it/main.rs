//! The service from outside: tasks in, completions out, against a ledger that only remembers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;
mod preview;
mod sample;
mod tasks;
mod world;
