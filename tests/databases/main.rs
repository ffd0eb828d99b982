//! The servers' databases, archived by the real program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rooms;
#[path = "../support/sandbox.rs"]
mod sandbox;
