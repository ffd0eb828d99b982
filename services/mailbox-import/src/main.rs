//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_mailbox_import::{service, start};
use chatkeep_program::{Program, Services, stage};

const PROGRAM: Program = Program {
    name: "mailbox-import",
    version: env!("CARGO_PKG_VERSION"),
    about: "Imports items into mailboxes, each exactly once",
};

fn main() -> ExitCode {
    stage(PROGRAM, start, |parts| {
        Services::default().with(service(&parts.settings, parts.ledger.clone()))
    })
}
