//! The service as a program of its own.

mod console;

use std::{error::Error, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use chatkeep_control::start;
use chatkeep_program::{Parts, PartsSettings, Program, Services, Started, run};
use chatkeep_runtime::{GrpcSettings, settings::Sections};
use serde::Deserialize;
use tokio::time::sleep;

use crate::console::Console;

const PROGRAM: Program = Program {
    name: "control",
    version: env!("CARGO_PKG_VERSION"),
    about: "Owns the ledger: connectors, runs, tasks, deliveries, seals",
};

/// Pause before a ledger that does not answer is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where control keeps ledger and seals: the section `data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    path: PathBuf,
}

fn main() -> ExitCode {
    let read = |sections: &mut Sections, grpc: Option<&GrpcSettings>| {
        let control: Option<chatkeep_control::Settings> = sections.section("control");
        let data: Option<Data> = sections.section("data");
        let parts = PartsSettings::read(sections);
        let console = sections
            .has("console")
            .then(|| Console::read(sections, grpc));
        let console = match console {
            Some(read) => Some(read?),
            None => None,
        };
        Some((control?, data?, parts?, console))
    };
    run(
        PROGRAM,
        read,
        async |(control, data, parts, console), host| {
            let Parts { queue, staging } = Parts::open(parts, &host).await?;
            let shutdown = host.lifecycle.shutdown();
            let servers = loop {
                let (queue, staging) = (Arc::new(queue.clone()), staging.clone());
                let started = start(&control, &data.path, queue, staging, &host.lifecycle).await;
                match started {
                    Err(error) if error.is_outage() && !shutdown.is_cancelled() => {
                        let error = &error as &dyn Error;
                        tracing::warn!(error, "ledger does not answer, will try again");
                        shutdown.run_until_cancelled(sleep(PAUSE)).await;
                    }
                    started => break started.context("start control")?,
                }
            };
            if let Some(console) = console {
                console.serve(&servers, &host).await?;
            }
            let services = Services::default()
                .with(servers.ledger)
                .with(servers.control)
                .with(servers.access);
            Ok(Started { services, queue })
        },
    )
}
