//! Logs.

use std::io;

use tracing_subscriber::EnvFilter;

/// Writes events to standard error, as text, from `level` on: `error`, `warn`, `info`, `debug`, or
/// directives as `tracing_subscriber::EnvFilter` reads them. Call it once, first.
pub fn log_to_stderr(level: &str) {
    // The AMQP client logs whole messages; who calls it logs what went wrong.
    let quiet = "lapin=off";
    let filter = EnvFilter::try_new(format!("{quiet},{level}"));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(format!("{quiet},warn")));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logs were set up before");
    }
}
