//! The service as a program of its own.

mod console;

use std::{error::Error, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use chatkeep_control::{LEDGER_FORMAT, Servers, start};
use chatkeep_program::{Host, Parts, PartsSettings, Program, Services, Started, run};
use chatkeep_runtime::{GrpcSettings, settings::Sections};
use serde::Deserialize;
use tokio::time::sleep;

use crate::console::Console;

const PROGRAM: Program = Program {
    name: "control",
    version: env!("CARGO_PKG_VERSION"),
    about: "Owns the ledger: connectors, runs, tasks, deliveries, seals",
    ledger_format: Some(LEDGER_FORMAT),
};

/// Pause before a ledger that does not answer is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where control keeps ledger and seals: the section `data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    path: PathBuf,
}

/// The sections of control, beside those that every program has.
struct Settings {
    control: chatkeep_control::Settings,
    data: Data,
    parts: PartsSettings,
    console: Option<Console>,
}

impl Settings {
    fn read(sections: &mut Sections, grpc: Option<&GrpcSettings>) -> Option<Self> {
        let control: Option<chatkeep_control::Settings> = sections.section("control");
        if let Some(smtp) = control.as_ref().and_then(|control| control.smtp.as_ref())
            && let Err(error) = smtp.check()
        {
            sections.problem("control", &error);
        }
        let data = sections.section("data");
        let parts = PartsSettings::read(sections);
        let console = if sections.has("console") {
            Console::read(sections, grpc).map(Some)
        } else {
            Some(None)
        };
        Some(Self {
            control: control?,
            data: data?,
            parts: parts?,
            console: console?,
        })
    }
}

fn main() -> ExitCode {
    run(PROGRAM, Settings::read, async |settings, host| {
        let Settings {
            mut control,
            data,
            parts,
            console,
        } = settings;
        if let Some(console) = &console {
            console.tell(&mut control);
        }
        let parts = Parts::open(parts, &host).await?;
        let servers = open(&control, &data, &parts, &host).await?;
        if let Some(console) = console {
            console.serve(&servers, &host).await?;
        }
        let services = Services::default()
            .with(servers.ledger)
            .with(servers.control)
            .with(servers.access);
        let queue = parts.queue;
        Ok(Started { services, queue })
    })
}

/// Starts control; again while its ledger does not answer.
async fn open(
    control: &chatkeep_control::Settings,
    data: &Data,
    parts: &Parts,
    host: &Host,
) -> anyhow::Result<Servers> {
    let shutdown = host.lifecycle.shutdown();
    loop {
        let (queue, staging) = (Arc::new(parts.queue.clone()), parts.staging.clone());
        let started = start(control, &data.path, queue, staging, &host.lifecycle).await;
        match started {
            Err(error) if error.is_outage() && !shutdown.is_cancelled() => {
                let error = &error as &dyn Error;
                tracing::warn!(error, "ledger does not answer, will try again");
                shutdown.run_until_cancelled(sleep(PAUSE)).await;
            }
            started => return started.context("start control"),
        }
    }
}
