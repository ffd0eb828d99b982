//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_ingestion::{service, start};
use chatkeep_program::{Program, Services, stage};

const PROGRAM: Program = Program {
    name: "ingestion",
    version: env!("CARGO_PKG_VERSION"),
    about: "Captures records from the sources and assembles conversations",
};

fn main() -> ExitCode {
    stage(PROGRAM, start, |parts| {
        Services::default().with(service(parts.ledger.clone()))
    })
}
