//! Databases of Skype for Business, archived straight from their servers: those of the test kit, which
//! speak the protocol of SQL Server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod archiving;
mod details;
#[path = "../support/embedded.rs"]
mod embedded;
mod interrupted;
mod looking;
mod recount;
mod refusals;
mod rooms;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
mod scheduled;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/scheduled.rs"]
mod scheduled_run;
mod servers;
mod world;
