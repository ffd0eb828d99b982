//! Watches a run until it is closed.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chatkeep_proto::v1::{
    ExceptionsRequest, ProgressRequest, ProgressResponse, ReportRequest, ReportResponse, RunState,
};

use crate::{
    embedded::Embedded,
    output::{Output, number},
    report::Exceptions,
};

const POLL: Duration = Duration::from_millis(100);

/// Shows progress until the run has an end; returns its state and reason.
pub(crate) async fn watch(
    embedded: &Embedded,
    run: i64,
    output: &Output,
) -> anyhow::Result<(RunState, String)> {
    let started = Instant::now();
    let mut control = embedded.control.clone();
    let stop = embedded.lifecycle.shutdown();
    loop {
        let progress = control.progress(ProgressRequest { run }).await;
        let progress = progress.context("ask control for progress")?.into_inner();
        if progress.state() != RunState::Running {
            return Ok((progress.state(), progress.reason));
        }
        output.progress(|| line(&progress, started.elapsed()));
        if let Some((queue, outage)) = embedded.lifecycle.outages().longest()
            && outage.since.elapsed() >= embedded.patience
        {
            anyhow::bail!(
                "{queue} has waited {} s: {}; nothing is lost: put that right, then call the command \
                 again to resume (state is in {})",
                outage.since.elapsed().as_secs(),
                outage.cause,
                embedded.data_dir.display()
            );
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(POLL))
            .await
            .is_none()
        {
            let failed = embedded.lifecycle.has_failed();
            anyhow::ensure!(
                !failed,
                "a service failed; see the log above, then call the command again"
            );
            anyhow::bail!("interrupted; nothing is lost, call the command again to resume");
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
    embedded: &Embedded,
    connector: &str,
    number: i64,
) -> anyhow::Result<(ReportResponse, Exceptions)> {
    let mut control = embedded.control.clone();
    let request = ReportRequest {
        connector: connector.to_owned(),
        number,
    };
    let report = control
        .report(request)
        .await
        .map_err(super::answer)?
        .into_inner();
    let request = ExceptionsRequest { run: report.run };
    let stream = control.exceptions(request).await.map_err(super::answer)?;
    let mut stream = stream.into_inner();
    let mut exceptions = Exceptions::default();
    while let Some(exception) = stream.message().await.map_err(super::answer)? {
        exceptions.add(exception);
    }
    Ok((report, exceptions))
}
