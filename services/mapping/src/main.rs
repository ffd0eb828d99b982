//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_mapping::{service, start};
use chatkeep_program::{Program, Stage, stage};
use tonic::service::Routes;

const PROGRAM: Program = Program {
    name: "mapping",
    version: env!("CARGO_PKG_VERSION"),
    about: "Finds the mailbox of every participant",
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
        let service = service(ledger.clone(), staging.clone());
        start(&settings, queue, ledger, staging, &lifecycle);
        Routes::new(service)
    })
}
