//! The users of a Microsoft 365 tenant or of a domain as the directory, from the program's side.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod changes;
mod checks;
mod domain;
mod many;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
mod world;
