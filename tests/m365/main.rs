//! Exchange Online and Exchange Server: the real program, and the test kit's tenant and server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod canary;
#[path = "../support/chance.rs"]
mod chance;
mod imported;
mod killed;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
mod world;
