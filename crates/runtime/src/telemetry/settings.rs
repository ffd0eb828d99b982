use serde::Deserialize;

/// What a program tells about itself: the section `telemetry` of its settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// What is logged to standard error: `error`, `warn`, `info`, `debug`, or directives such as
    /// `info,chatkeep_pipeline=debug`.
    pub log: String,
    /// How it is written.
    pub format: LogFormat,
    /// Where traces go, OTLP over gRPC: `http://HOST:4317` or `https://`. Nowhere by default.
    pub otlp: Option<String>,
    /// Which part of the traces is kept, from 0 to 1. A trace is kept whole or not at all.
    pub sample: f64,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, with the ids of trace and span.
    Json,
    /// For people.
    Text,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: LogFormat::Json,
            otlp: None,
            sample: 1.0,
        }
    }
}
