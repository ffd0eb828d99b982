//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_conversion::{service, start};
use chatkeep_program::{Program, Services, stage};

const PROGRAM: Program = Program {
    name: "conversion",
    version: env!("CARGO_PKG_VERSION"),
    about: "Renders conversations as e-mail messages",
    ledger_format: None,
};

fn main() -> ExitCode {
    stage(PROGRAM, start, |parts| {
        Services::default().with(service(parts.staging.clone()))
    })
}
