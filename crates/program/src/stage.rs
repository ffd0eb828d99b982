use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use chatkeep_pipeline::{LedgerClient, Queue};
use chatkeep_runtime::{GrpcSettings, Lifecycle, Services, check_health, settings::Sections};
use chatkeep_staging::Staging;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    Program, Started,
    parts::{Parts, PartsSettings},
    run,
};

/// How long control may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the gRPC services of a stage are made of.
pub struct Stage<S> {
    /// The service's own settings.
    pub settings: S,
    /// The way to the ledger.
    pub ledger: LedgerClient,
    /// Where blobs are.
    pub staging: Staging,
}

/// Starts the worker of a stage.
type Start<S> = fn(&S, Arc<dyn Queue>, LedgerClient, Staging, &Lifecycle);

/// Where control is: the section `control`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlSettings {
    /// `https://HOST:PORT`.
    url: String,
}

struct Settings<S> {
    service: S,
    control: ControlSettings,
    parts: PartsSettings,
}

impl<S: DeserializeOwned> Settings<S> {
    fn read(
        program: Program,
        sections: &mut Sections,
        grpc: Option<&GrpcSettings>,
    ) -> Option<Self> {
        let service = sections.section(&program.name.replace('-', "_"));
        let control: Option<ControlSettings> = sections.section("control");
        let parts = PartsSettings::read(sections);
        if let (Some(control), Some(grpc)) = (&control, grpc)
            && let Err(error) = grpc.check_address(&control.url)
        {
            sections.problem("control.url", &error);
        }
        Some(Self {
            service: service?,
            control: control?,
            parts: parts?,
        })
    }
}

/// The whole `main` of a program that runs a stage: `start`s it and answers with its gRPC `services`.
pub fn stage<S: DeserializeOwned>(
    program: Program,
    start: Start<S>,
    services: impl FnOnce(&Stage<S>) -> Services,
) -> ExitCode {
    let read = |sections: &mut Sections, grpc: Option<&GrpcSettings>| {
        Settings::read(program, sections, grpc)
    };
    run(program, read, async |settings, host| {
        let Settings {
            service,
            control,
            parts,
        } = settings;
        let Parts { queue, staging } = Parts::open(parts, &host).await?;
        let channel = host.network.remote(&control.url).context("find control")?;
        let asked = host.network.clone().with_timeout(PATIENCE);
        let asked = asked.remote(&control.url).context("find control")?;
        host.readiness
            .needs("control", move || check_health(asked.clone()));
        let stage = Stage {
            settings: service,
            ledger: chatkeep_pipeline::ledger(channel),
            staging,
        };
        let services = services(&stage);
        let Stage {
            settings,
            ledger,
            staging,
        } = stage;
        let tasks = Arc::new(queue.clone());
        start(&settings, tasks, ledger, staging, &host.lifecycle);
        Ok(Started { services, queue })
    })
}
