//! The service as a program of its own.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use chatkeep_control::start;
use chatkeep_program::{Parts, PartsSettings, Program, Started, run};
use serde::Deserialize;
use tonic::service::Routes;

const PROGRAM: Program = Program {
    name: "control",
    version: env!("CARGO_PKG_VERSION"),
    about: "Owns the ledger: connectors, runs, tasks, deliveries, seals",
};

/// Where control keeps ledger and seals: the section `data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    path: PathBuf,
}

fn main() -> ExitCode {
    let read = |sections: &mut chatkeep_runtime::settings::Sections, _: Option<&_>| {
        let control: Option<chatkeep_control::Settings> = sections.section("control");
        let data: Option<Data> = sections.section("data");
        let parts = PartsSettings::read(sections);
        Some((control?, data?, parts?))
    };
    run(PROGRAM, read, async |(control, data, parts), host| {
        let Parts { queue, staging } = Parts::open(parts, &host).await?;
        let amqp = Arc::new(queue.clone());
        let servers = start(&control, &data.path, amqp, staging, &host.lifecycle).await;
        let servers = servers.context("start control")?;
        let routes = Routes::new(servers.ledger).add_service(servers.control);
        Ok(Started { routes, queue })
    })
}
