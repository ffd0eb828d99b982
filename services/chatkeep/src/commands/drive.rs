//! Watches a run until it is closed.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chatkeep_proto::v1::{
    ExceptionsRequest, ProgressRequest, ProgressResponse, ReportRequest, ReportResponse, RunState,
};
use chatkeep_report::number;
use tonic::Status;

use crate::{
    output::Output,
    report::Exceptions,
    system::{ControlClient, POLL, System, is_away},
};

/// Who waits when control does not answer.
const COMMAND: &str = "the command";

/// Shows progress until the run has an end; returns its state and reason.
pub(crate) async fn watch(
    system: &System,
    run: i64,
    output: &Output,
) -> anyhow::Result<(RunState, String)> {
    let started = Instant::now();
    let mut control = system.control.clone();
    let outages = system.lifecycle.outages();
    let stop = system.lifecycle.shutdown();
    loop {
        match control.progress(ProgressRequest { run }).await {
            Ok(progress) => {
                outages.end(COMMAND);
                let progress = progress.into_inner();
                if progress.state() != RunState::Running {
                    return Ok((progress.state(), progress.reason));
                }
                output.progress(|| line(&progress, started.elapsed()));
            }
            Err(status) if is_away(&status) => outages.begin(COMMAND, &status),
            Err(status) => return Err(status).context("ask control for progress"),
        }
        if let Some((waiting, outage)) = outages.longest()
            && outage.since.elapsed() >= system.patience
        {
            anyhow::bail!(
                "{waiting} has waited {} s: {}; nothing is lost: put that right, then call the command \
                 again to resume (state is in {})",
                outage.since.elapsed().as_secs(),
                outage.cause,
                system.site
            );
        }
        let pause = stop.run_until_cancelled(tokio::time::sleep(POLL));
        if pause.await.is_none() {
            let failed = system.lifecycle.has_failed();
            anyhow::ensure!(
                !failed,
                "a service failed; see the log above, then call the command again"
            );
            return Err(system.interrupted());
        }
    }
}

/// One line of progress, with rate and time left as soon as they can be told.
fn line(progress: &ProgressResponse, elapsed: Duration) -> String {
    let done = progress.deliveries_done;
    let mut line = format!(
        "read {} records, {} items, delivered {} of {}",
        number(progress.records),
        number(progress.items),
        number(done),
        number(progress.deliveries_planned)
    );
    let capturing = progress.ingestion_tasks + progress.conversion_tasks + progress.mapping_tasks;
    if capturing > 0 {
        line.push_str(&format!(" so far ({capturing} tasks to go)"));
    }
    let rate = done.checked_div(elapsed.as_secs()).unwrap_or(0);
    if rate > 0 {
        line.push_str(&format!(", {}/s", number(rate)));
        if capturing == 0 {
            let left = progress.deliveries_planned.saturating_sub(done) / rate;
            line.push_str(&format!(", {left} s left"));
        }
    }
    if progress.deliveries_waiting > 0 {
        let waiting = number(progress.deliveries_waiting);
        line.push_str(&format!(", {waiting} wait for throttled mailboxes"));
    }
    line
}

/// The balance of a closed run and its exceptions; number 0 is the newest.
pub(crate) async fn balance(
    system: &System,
    connector: &str,
    number: i64,
) -> anyhow::Result<(ReportResponse, Exceptions)> {
    let request = ReportRequest {
        connector: connector.to_owned(),
        number,
        ..ReportRequest::default()
    };
    let balance = system.ask(async |control| read_balance(control, request.clone()).await);
    balance.await.map_err(super::answer)
}

async fn read_balance(
    mut control: ControlClient,
    request: ReportRequest,
) -> Result<(ReportResponse, Exceptions), Status> {
    let report = control.report(request).await?.into_inner();
    let request = ExceptionsRequest { run: report.run };
    let mut stream = control.exceptions(request).await?.into_inner();
    let mut exceptions = Exceptions::default();
    while let Some(exception) = stream.message().await? {
        exceptions.add(exception);
    }
    Ok((report, exceptions))
}
