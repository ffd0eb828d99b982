//! `chatkeep log`: the field names administrators know from Microsoft 365's connector log.

use std::process::ExitCode;

use chatkeep_proto::v1::LogRequest;
use chatkeep_report::Log;

use super::ask;
use crate::{cli::Format, output::Output, place::Place, server::Server, system::Site};

/// Prints the log of a run.
pub(crate) async fn print(
    place: &Place,
    run: i64,
    format: Format,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    if let Site::Behind(server) = &place.site {
        return pass_on(server, (&place.connector.id(), run), format, output).await;
    }
    let request = LogRequest {
        connector: place.connector.id(),
        number: run,
    };
    let log = ask(&place.site, async |system| {
        let stream = system.control.clone().log(request).await;
        let mut stream = stream.map_err(super::answer)?.into_inner();
        let mut log = Log::default();
        while let Some(entry) = stream.message().await.map_err(super::answer)? {
            log.add(entry);
        }
        Ok(log)
    })
    .await?;
    let text = match format {
        Format::Json => log.to_json()?,
        Format::Csv => log.to_csv()?,
    };
    output.line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The server has written it: the same bytes, as they come.
async fn pass_on(
    server: &Server,
    (connector, run): (&str, i64),
    format: Format,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let file = match format {
        Format::Json => "log.json",
        Format::Csv => "log.csv",
    };
    let run = run.to_string();
    let path = ["connectors", connector, "runs", &run, file];
    let downloaded = server.download(&path, |piece| {
        output.bytes(piece);
        Ok(())
    });
    downloaded.await?;
    Ok(ExitCode::SUCCESS)
}
