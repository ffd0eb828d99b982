//! The service as a program of its own.

use std::process::ExitCode;

use chatkeep_mailbox_import::{service, start};
use chatkeep_program::{Program, Stage, stage};
use tonic::service::Routes;

const PROGRAM: Program = Program {
    name: "mailbox-import",
    version: env!("CARGO_PKG_VERSION"),
    about: "Imports items into mailboxes, each exactly once",
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
        let service = service(&settings);
        start(&settings, queue, ledger, staging, &lifecycle);
        Routes::new(service)
    })
}
