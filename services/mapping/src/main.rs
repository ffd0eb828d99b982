//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_mapping::{service, start};
use chatkeep_program::{Program, Services, stage};

const PROGRAM: Program = Program {
    name: "mapping",
    version: env!("CARGO_PKG_VERSION"),
    about: "Finds the mailbox of every participant",
    ledger_format: None,
};

fn main() -> ExitCode {
    stage(PROGRAM, start, |parts| {
        Services::default().with(service(parts.ledger.clone(), parts.staging.clone()))
    })
}
