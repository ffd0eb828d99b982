//! Conversion from outside: conversations in, e-mail messages out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod appearance;
mod builder;
mod fuzzing;
mod ledger;
mod mail;
mod properties;
mod splitting;
mod stage;
