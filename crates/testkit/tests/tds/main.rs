//! The TDS server, as the client sees it that Chatkeep uses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attention;
mod client;
mod faults;
mod lcslog;
mod login;
mod sqlserver;
mod statements;
mod values;
