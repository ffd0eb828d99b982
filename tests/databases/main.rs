//! Databases of Skype for Business, archived straight from their servers: those of the test kit, which
//! speak the protocol of SQL Server.
//!
//! `CHATKEEP_KILLS` kills of each test that kills (default 12), `CHATKEEP_SEED` repeats them.
//! `CHATKEEP_ROWS` rows of the one that counts memory (default 200,000). `CHATKEEP_TEST_MSSQL` lets those run
//! on a real SQL Server that ask for nothing but rows: `roads`, and what is `anywhere`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod archiving;
#[path = "../support/chance.rs"]
mod chance;
mod details;
#[path = "../support/embedded.rs"]
mod embedded;
mod interrupted;
mod looking;
#[path = "../support/real.rs"]
mod real;
mod recount;
mod refusals;
mod roads;
mod rooms;
#[path = "../support/sample.rs"]
mod sample;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
mod scheduled;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/scheduled.rs"]
mod scheduled_run;
mod servers;
mod volume;
mod world;
