use std::{io, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{Meter, MeterProvider as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    metrics::SdkMeterProvider,
    trace::{Sampler, SdkTracerProvider},
};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tracing::{Subscriber, level_filters::LevelFilter, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    EnvFilter, Layer, filter::ParseError, filter::Targets, layer::SubscriberExt as _,
    registry::LookupSpan,
};

use super::{
    LogFormat, TelemetrySettings, filter,
    json::JsonLog,
    log_panics,
    losses::{Bounded, Losses},
};
use crate::grpc::{Dial, RemoteError, channel, check};

/// How long the last traces may take on their way out.
const FLUSH: Duration = Duration::from_secs(3);
/// How long a collector may take for one batch of spans.
const EXPORT: Duration = Duration::from_secs(5);

/// Why a program cannot tell about itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// What to log is not said in a way we understand.
    #[error("read telemetry.log")]
    Directives {
        /// The reason.
        source: ParseError,
    },
    /// The share of traces is none.
    #[error("telemetry.sample must be between 0 and 1")]
    Sample,
    /// The collector's address cannot be used.
    #[error("read telemetry.otlp")]
    Collector {
        /// The reason.
        source: RemoteError,
    },
    /// The exporter of traces cannot be made.
    #[error("set up traces")]
    Traces {
        /// The reason.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The exporter of metrics cannot be made.
    #[error("set up metrics")]
    Metrics {
        /// The reason.
        source: OTelSdkError,
    },
    /// Somebody else did it before.
    #[error("set up logs")]
    Logs {
        /// The reason.
        source: SetGlobalDefaultError,
    },
}

/// Logs, metrics and traces of a program.
#[derive(Clone, Debug)]
pub struct Telemetry {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    registry: Registry,
    losses: Losses,
}

impl TelemetrySettings {
    /// What to log.
    fn filter(&self) -> Result<EnvFilter, TelemetryError> {
        filter::of(&self.log).map_err(|source| TelemetryError::Directives { source })
    }

    /// Says whether a program could be told about with these settings.
    pub fn check(&self) -> Result<(), TelemetryError> {
        self.filter()?;
        if !(0.0..=1.0).contains(&self.sample) {
            return Err(TelemetryError::Sample);
        }
        if let Some(url) = &self.otlp {
            let dial = Dial::public(url);
            check(url, &dial).map_err(|source| TelemetryError::Collector { source })?;
        }
        Ok(())
    }
}

impl Telemetry {
    /// Makes what the program `service` measures and traces available, without logs. To be called
    /// inside the runtime.
    pub fn new(
        settings: &TelemetrySettings,
        service: &'static str,
        version: &'static str,
    ) -> Result<Self, TelemetryError> {
        settings.check()?;
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attributes([
                KeyValue::new("service.namespace", "chatkeep"),
                KeyValue::new("service.version", version),
            ])
            .build();
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .map_err(|source| TelemetryError::Metrics { source })?;
        let metrics = SdkMeterProvider::builder()
            .with_reader(exporter)
            .with_resource(resource.clone())
            .build();
        let losses = Losses::new(&metrics.meter("chatkeep"));
        Ok(Self {
            traces: tracer(settings, resource, losses.clone())?,
            metrics,
            registry,
            losses,
        })
    }

    /// Logs to standard error and records traces from here on, for the whole process. Call it once.
    pub fn install(&self, settings: &TelemetrySettings) -> Result<(), TelemetryError> {
        let filter = settings.filter()?;
        let logs: Box<dyn Layer<_> + Send + Sync> = match settings.format {
            LogFormat::Json => Box::new(JsonLog::default().with_filter(filter)),
            LogFormat::Text => Box::new(
                tracing_subscriber::fmt::layer()
                    .with_writer(io::stderr)
                    .with_target(false)
                    .with_filter(filter),
            ),
        };
        let subscriber = tracing_subscriber::registry().with(self.spans()).with(logs);
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|source| TelemetryError::Logs { source })?;
        log_panics();
        Ok(())
    }

    /// Turns our own spans into traces; those of the libraries, hundreds a run, stay inside. So does that
    /// of a service, which names it in logs: it lasts as long as the process, and every run that the
    /// process ever serves would be one trace below it.
    pub fn spans<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.traces.tracer("chatkeep"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(
                Targets::new()
                    .with_target("chatkeep", LevelFilter::INFO)
                    .with_target("chatkeep_runtime::lifecycle", LevelFilter::OFF),
            )
    }

    /// Where instruments are made.
    pub fn meter(&self) -> Meter {
        self.metrics.meter("chatkeep")
    }

    /// Everything measured so far, as Prometheus reads it.
    pub fn scrape(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8(text).unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "metrics not written");
                String::new()
            }
        }
    }

    /// Sends the traces that are left. Blocks for at most a few seconds.
    pub fn flush(&self) {
        if let Err(error) = self.traces.shutdown_with_timeout(FLUSH) {
            tracing::debug!(%error, "traces not sent");
        }
        self.losses.end();
    }
}

fn tracer(
    settings: &TelemetrySettings,
    resource: Resource,
    losses: Losses,
) -> Result<SdkTracerProvider, TelemetryError> {
    let traces = SdkTracerProvider::builder().with_resource(resource);
    let Some(url) = &settings.otlp else {
        // Nobody looks at them; their ids still tell which lines of the logs belong together.
        return Ok(traces.with_sampler(Sampler::AlwaysOff).build());
    };
    let channel = channel(url, Dial::public(url));
    let channel = channel.map_err(|source| TelemetryError::Collector { source })?;
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(channel)
        .with_timeout(EXPORT)
        .build()
        .map_err(|source| TelemetryError::Traces { source })?;
    let sampler = Sampler::TraceIdRatioBased(settings.sample);
    let sampler = Sampler::ParentBased(Box::new(sampler));
    Ok(traces
        .with_sampler(sampler)
        .with_span_processor(Bounded::new(exporter, EXPORT, losses))
        .build())
}
