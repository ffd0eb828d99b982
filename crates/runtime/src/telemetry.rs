//! Logs, and in a program of its own metrics and traces.

mod filter;
#[cfg(feature = "network")]
mod install;
#[cfg(feature = "network")]
mod json;
#[cfg(feature = "network")]
mod losses;
#[cfg(feature = "network")]
mod settings;

use std::{io, panic, thread};

#[cfg(feature = "network")]
pub use self::{
    install::{Telemetry, TelemetryError},
    settings::{LogFormat, TelemetrySettings},
};

/// Writes events to standard error, as text, from `level` on: `error`, `warn`, `info`, `debug`, or
/// directives as `tracing_subscriber::EnvFilter` reads them. Call it once, first.
pub fn log_to_stderr(level: &str) {
    let filter = filter::of(level).or_else(|_| filter::of("warn"));
    let filter = filter.unwrap_or_default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logs were set up before");
    }
    log_panics();
}

/// Logs where a panic happened. Its message may quote what was being worked on, so it is not printed.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let thread = thread::current();
        tracing::error!(location, thread = thread.name(), "panicked");
    }));
}
