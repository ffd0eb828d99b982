//! Archives Skype for Business conversations into mailboxes: the whole system in one program.

mod actor;
mod cli;
mod commands;
mod embedded;
mod lent;
mod output;
mod place;
mod remote;
mod report;
mod settings;
mod system;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{cli::Cli, output::Output};

fn main() -> ExitCode {
    chatkeep_runtime::share_freed_memory();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new();
    chatkeep_runtime::telemetry::log_to_stderr(&cli.log);
    // One TLS provider for the whole process, chosen before anybody needs one.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("TLS provider was installed before");
    }
    match commands::run(cli, &output).await {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::from(1)
        }
    }
}
