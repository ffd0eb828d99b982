use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use chatkeep_pipeline::{LedgerClient, Queue};
use chatkeep_runtime::{GrpcChannel, GrpcSettings, Lifecycle, settings::Sections};
use chatkeep_staging::Staging;
use serde::{Deserialize, de::DeserializeOwned};
use tonic::{Status, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    Program, Started,
    parts::{Parts, PartsSettings},
    run,
};

/// How long control may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a stage is started with.
pub struct Stage<S> {
    /// The service's own settings.
    pub settings: S,
    /// Where its tasks come from.
    pub queue: Arc<dyn Queue>,
    /// The way to the ledger.
    pub ledger: LedgerClient,
    /// Where blobs are.
    pub staging: Staging,
    /// The process.
    pub lifecycle: Lifecycle,
}

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

/// The whole `main` of a program that runs a stage. `start` starts it and returns the gRPC services that
/// it answers with.
pub fn stage<S: DeserializeOwned>(
    program: Program,
    start: impl FnOnce(Stage<S>) -> Routes,
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
            .needs("control", move || is_serving(asked.clone()));
        let routes = start(Stage {
            settings: service,
            queue: Arc::new(queue.clone()),
            ledger: chatkeep_pipeline::ledger(channel),
            staging,
            lifecycle: host.lifecycle,
        });
        Ok(Started { routes, queue })
    })
}

async fn is_serving(control: GrpcChannel) -> Result<(), Status> {
    let answer = HealthClient::new(control)
        .check(HealthCheckRequest::default())
        .await?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        _ => Err(Status::unavailable("control is about to stop")),
    }
}
