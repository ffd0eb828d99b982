//! The distributed system from outside: five programs, RabbitMQ, PostgreSQL, Azurite and Dovecot, driven
//! by the command line.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod administration;
mod away;
mod canary;
mod cleared;
#[path = "../support/cluster.rs"]
mod cluster;
mod console;
#[cfg(feature = "mssql")]
mod databases;
mod deploy;
mod drained;
mod grpc;
mod identical;
mod late;
mod losses;
#[cfg(feature = "mssql")]
mod named;
mod poison;
#[path = "../support/program.rs"]
mod program;
#[cfg_attr(
    not(feature = "mssql"),
    expect(dead_code, reason = "what metrics are named needs databases, too")
)]
#[path = "../support/queries.rs"]
mod queries;
#[cfg(feature = "mssql")]
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/real.rs"]
mod real;
#[path = "../support/running.rs"]
mod running;
#[cfg(feature = "mssql")]
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sample.rs"]
mod sample;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
mod selfcheck;
#[path = "../support/servers.rs"]
mod servers;
mod settings;
#[path = "../support/system.rs"]
mod system;
mod traces;
mod untraced;
#[path = "../support/wire.rs"]
mod wire;
mod work;
