//! Tokens that carry no rows, [MS-TDS] 2.2.7.

use super::wire::{put_b_varchar, put_us_varchar};

/// How the server calls itself in LOGINACK.
pub const PROGRAM: &str = "Chatkeep test server";

const ERROR: u8 = 0xaa;
const INFO: u8 = 0xab;
const LOGINACK: u8 = 0xad;
const RETURN_STATUS: u8 = 0x79;
const ENVIRONMENT: u8 = 0xe3;
const DONE: u8 = 0xfd;
const DONE_PROCEDURE: u8 = 0xfe;
const DONE_IN_PROCEDURE: u8 = 0xff;

/// Bits of a DONE token's status, [MS-TDS] 2.2.7.6.
const MORE: u16 = 0x01;
const FAILED: u16 = 0x02;
const COUNT: u16 = 0x10;
const CANCELLED: u16 = 0x20;

/// TDS 7.4.
const VERSION: u32 = 0x7400_0004;
/// The token of SELECT in DONE.
const SELECT: u16 = 0xc1;

/// `SQL_Latin1_General_CP1_CI_AS`.
pub(super) const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// How a statement came, and so how its answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a batch of SQL.
    Batch,
    /// As a parameter of a procedure.
    Procedure,
}

/// Appends the end of an answer, with the number of its rows.
pub(super) fn end(form: Form, count: u64, out: &mut Vec<u8>) {
    match form {
        Form::Batch => done(DONE, COUNT, count, out),
        Form::Procedure => {
            done(DONE_IN_PROCEDURE, MORE | COUNT, count, out);
            returned(0, out);
            done(DONE_PROCEDURE, 0, 0, out);
        }
    }
}

/// Appends the end of an answer that failed, after its error.
pub(super) fn end_failed(form: Form, out: &mut Vec<u8>) {
    match form {
        Form::Batch => done(DONE, FAILED, 0, out),
        Form::Procedure => {
            returned(1, out);
            done(DONE_PROCEDURE, FAILED, 0, out);
        }
    }
}

/// Appends the end of an answer that the client cancelled.
pub(super) fn end_cancelled(out: &mut Vec<u8>) {
    done(DONE, CANCELLED, 0, out);
}

/// Appends the end of what the server says to a login.
pub(super) fn end_login(is_accepted: bool, out: &mut Vec<u8>) {
    done(DONE, if is_accepted { 0 } else { FAILED }, 0, out);
}

fn done(token: u8, status: u16, count: u64, out: &mut Vec<u8>) {
    let command = if status & COUNT == 0 { 0 } else { SELECT };
    out.push(token);
    out.extend(status.to_le_bytes());
    out.extend(command.to_le_bytes());
    out.extend(count.to_le_bytes());
}

fn returned(status: i32, out: &mut Vec<u8>) {
    out.push(RETURN_STATUS);
    out.extend(status.to_le_bytes());
}

/// Appends an error.
pub(super) fn error(number: i32, class: u8, message: &str, out: &mut Vec<u8>) {
    notice(ERROR, number, class, message, out);
}

/// Appends a message that is no error.
pub(super) fn info(number: i32, message: &str, out: &mut Vec<u8>) {
    notice(INFO, number, 10, message, out);
}

fn notice(token: u8, number: i32, class: u8, message: &str, out: &mut Vec<u8>) {
    sized(token, out, |body| {
        body.extend(number.to_le_bytes());
        body.extend([1, class]);
        put_us_varchar(message, body);
        put_b_varchar("TEST", body);
        put_b_varchar("", body);
        body.extend(1_u32.to_le_bytes());
    });
}

/// Appends that a login was accepted.
pub(super) fn login_accepted(out: &mut Vec<u8>) {
    sized(LOGINACK, out, |body| {
        body.push(1);
        body.extend(VERSION.to_be_bytes());
        put_b_varchar(PROGRAM, body);
        body.extend([15, 0, 0x07, 0xd0]);
    });
}

/// What changes in the environment of a connection, [MS-TDS] 2.2.7.9.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// The database.
    Database {
        /// Which one it is now.
        now: &'a str,
    },
    /// The size of packets, in bytes.
    PacketSize {
        /// Which one it was.
        before: usize,
        /// Which one it is now.
        now: usize,
    },
    /// The collation of the database.
    Collation,
    /// The server that takes over when this one fails.
    Partner(&'a str),
    /// The server to connect to instead.
    Routing {
        /// Its name.
        host: &'a str,
        /// Its TCP port.
        port: u16,
    },
}

/// Appends a change.
pub(super) fn changed(change: Change<'_>, out: &mut Vec<u8>) {
    sized(ENVIRONMENT, out, |body| match change {
        Change::Database { now } => strings(1, now, "master", body),
        Change::PacketSize { before, now } => {
            strings(4, &now.to_string(), &before.to_string(), body);
        }
        Change::Collation => {
            body.extend([7, 5]);
            body.extend(COLLATION);
            body.push(0);
        }
        Change::Partner(name) => strings(13, name, "", body),
        Change::Routing { host, port } => {
            let mut target = vec![0];
            target.extend(port.to_le_bytes());
            put_us_varchar(host, &mut target);
            body.push(20);
            put_sized(&target, body);
            body.extend([0, 0]);
        }
    });
}

fn strings(kind: u8, now: &str, before: &str, body: &mut Vec<u8>) {
    body.push(kind);
    put_b_varchar(now, body);
    put_b_varchar(before, body);
}

/// Appends a token whose length follows its type.
fn sized(token: u8, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    out.push(token);
    put_sized(&body, out);
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    // Strings inside are cut so that they fit.
    out.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(bytes);
}
