//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_conversion::{service, start};
use chatkeep_program::{Program, Stage, stage};
use tonic::service::Routes;

const PROGRAM: Program = Program {
    name: "conversion",
    version: env!("CARGO_PKG_VERSION"),
    about: "Renders conversations as e-mail messages",
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
        let service = service(staging.clone());
        start(&settings, queue, ledger, staging, &lifecycle);
        Routes::new(service)
    })
}
