//! A server of the Tabular Data Stream protocol, [MS-TDS], as SQL Server speaks it. **For tests only**:
//! it does not know SQL. It hands each statement, by the name in the comment it starts with, to a
//! [`Database`] that a test brings along, and carries the answer to the client as SQL Server would:
//! same packets, tokens, types, errors and TLS handshake.
//!
//! It says so to whoever asks: the name in its LOGINACK is [`PROGRAM`], not Microsoft SQL Server.

mod browser;
mod channel;
mod columns;
mod database;
mod faults;
mod handshake;
mod login;
mod parameter;
mod prelogin;
mod request;
mod rows;
mod server;
mod session;
mod several;
mod tokens;
mod welcome;
mod wire;

pub use self::{
    database::{Answer, Column, Database, DateTime, DateTime2, Kind, Request, Row, Value},
    faults::{Fault, Faults, When},
    server::{Encrypted, Options, Server, SignedIn, Tls},
    several::Several,
    tokens::PROGRAM,
};
