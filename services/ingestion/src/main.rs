//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_ingestion::{service, start};
use chatkeep_program::{Program, Stage, stage};
use tonic::service::Routes;

const PROGRAM: Program = Program {
    name: "ingestion",
    version: env!("CARGO_PKG_VERSION"),
    about: "Captures records from the sources and assembles conversations",
};

fn main() -> ExitCode {
    stage(PROGRAM, |parts| {
        let Stage {
            settings,
            queue,
            ledger,
            staging,
            lifecycle,
        } = parts;
        let service = service();
        start(&settings, queue, ledger, staging, &lifecycle);
        Routes::new(service)
    })
}
