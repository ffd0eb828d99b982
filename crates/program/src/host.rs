use std::{error::Error, io, process::ExitCode};

use anyhow::Context as _;
use chatkeep_pipeline::AmqpQueue;
use chatkeep_runtime::{
    About, GrpcSettings, Lifecycle, Network, Readiness, Services, serve_admin, settings::Sections,
    telemetry::Telemetry,
};
use rustls::crypto::aws_lc_rs;

use crate::{args::Args, common::Common};

/// Which program it is.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Format of the ledger that it writes: control alone writes one.
    pub ledger_format: Option<i64>,
}

/// What a program runs in.
#[derive(Clone)]
pub struct Host {
    /// The process.
    pub lifecycle: Lifecycle,
    /// The other programs.
    pub network: Network,
    /// What `/readyz` asks.
    pub readiness: Readiness,
}

/// A program that works.
pub struct Started {
    /// What it answers over gRPC.
    pub services: Services,
    /// Its queue, closed at the end.
    pub queue: AmqpQueue,
}

/// The whole `main` of a program: `read`s the sections of its service (beside the one that says how
/// programs talk with each other), `start`s it, and waits for its end.
pub fn run<S>(
    program: Program,
    read: impl FnOnce(&mut Sections, Option<&GrpcSettings>) -> Option<S>,
    start: impl AsyncFnOnce(S, Host) -> anyhow::Result<Started>,
) -> ExitCode {
    chatkeep_runtime::share_freed_memory();
    let args = Args::parse(program);
    let mut sections = Sections::read("", args.config.as_deref());
    let common = Common::read(&mut sections);
    let service = read(&mut sections, common.as_ref().map(|common| &common.grpc));
    let settings = match sections.finish(common.zip(service)) {
        Ok(settings) => settings,
        Err(error) => {
            tell(io::stderr(), &error.to_string());
            return ExitCode::FAILURE;
        }
    };
    if args.check_config {
        tell(io::stdout(), "the settings are good");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().context("start runtime");
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(live(program, settings, start));
        // A thread that waits for a disk or a lock must not keep the process.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Logs may not have been set up.
            tell(io::stderr(), &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Nobody is left to tell when the terminal is gone.
fn tell(mut to: impl io::Write, text: &str) {
    drop(writeln!(to, "{text}"));
}

/// True when everything ended as it should.
async fn live<S>(
    program: Program,
    (common, service): (Common, S),
    start: impl AsyncFnOnce(S, Host) -> anyhow::Result<Started>,
) -> anyhow::Result<bool> {
    // One TLS provider for the whole process, chosen before anybody needs one.
    if aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("TLS provider was installed before");
    }
    let Program {
        name,
        version,
        ledger_format,
        ..
    } = program;
    let telemetry = Telemetry::new(&common.telemetry, name, version)?;
    telemetry.install(&common.telemetry)?;
    let lifecycle = Lifecycle::new(common.lifecycle.grace).context("listen for signals")?;
    let lifecycle = lifecycle.with_meter(telemetry.meter());
    tracing::info!(version, "starting {name}");
    let host = Host {
        network: Network::new(&common.grpc, &lifecycle)?,
        readiness: Readiness::default(),
        lifecycle: lifecycle.clone(),
    };
    let readiness = host.readiness.clone();
    let about = About::new(name, version, ledger_format);
    serve_admin(
        &common.admin,
        about,
        readiness,
        telemetry.clone(),
        &lifecycle,
    )
    .await?;
    let ended = serve_until_end(&host, service, start).await;
    if let Err(error) = &ended {
        let error: &(dyn Error + Send + Sync) = error.as_ref();
        tracing::error!(error = error as &dyn Error, "giving up");
    }
    let flushed = tokio::task::spawn_blocking(move || telemetry.flush()).await;
    if flushed.is_err() {
        tracing::debug!("traces not sent");
    }
    ended
}

async fn serve_until_end<S>(
    host: &Host,
    service: S,
    start: impl AsyncFnOnce(S, Host) -> anyhow::Result<Started>,
) -> anyhow::Result<bool> {
    let Started { services, queue } = start(service, host.clone()).await?;
    let served = host.network.serve(services, chatkeep_proto::DESCRIPTORS);
    served.await.context("serve gRPC")?;
    host.readiness.started();
    host.lifecycle.shutdown().cancelled().await;
    let ended = host.lifecycle.clone().stop().await;
    queue.close().await;
    tracing::info!(clean = ended, "stopped");
    Ok(ended)
}
