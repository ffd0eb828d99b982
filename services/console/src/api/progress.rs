//! How far a run is.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    response::{Sse, sse::Event},
};
use chatkeep_proto::v1::{ProgressRequest, ProgressResponse, RunState};
use futures::{Stream, StreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, Problem, runs::report, words::word};
use crate::Services;

/// Time between two events.
const EVERY: Duration = Duration::from_secs(1);

/// Counters of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct Progress {
    /// As of a run.
    state: String,
    /// Why it is paused or failed.
    reason: String,
    /// Read so far.
    files: u64,
    records: u64,
    items: u64,
    deliveries_planned: u64,
    /// Imported, partially imported, skipped, failed.
    deliveries_done: u64,
    /// Deliveries that wait for a time (throttled mailboxes).
    deliveries_waiting: u64,
    /// Tasks to go, by stage.
    ingestion_tasks: u64,
    conversion_tasks: u64,
    mapping_tasks: u64,
    import_tasks: u64,
}

/// An event of a stream, as its lines say it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Event` writes")]
pub(crate) struct ProgressEvent {
    /// `progress`
    event: String,
    /// `Progress`, as JSON.
    data: String,
}

/// Reads how far a run is.
#[utoipa::path(get, path = "/connectors/{connector}/runs/{number}/progress", tag = "runs",
    operation_id = "read_progress",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 200, description = "So far", body = Progress)))]
pub(super) async fn read(
    State(mut services): State<Services>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<Json<Progress>, Problem> {
    let run = report(&mut services, connector, number).await?.run;
    Ok(Json(ask(&mut services, run).await?.into()))
}

/// Watches a run: an event `progress` each second until it ends.
#[utoipa::path(get, path = "/connectors/{connector}/runs/{number}/progress/events", tag = "runs",
    operation_id = "watch_progress",
    params(("connector" = String, Path, description = "The connector's id"),
        ("number" = i64, Path, description = "Number of the run within its connector")),
    responses((status = 200, description = "Server-sent events", body = ProgressEvent,
        content_type = "text/event-stream")))]
pub(super) async fn watch(
    State(api): State<Api>,
    Path((connector, number)): Path<(String, i64)>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Api {
        mut services,
        shutdown,
    } = api;
    let run = report(&mut services, connector, number).await?.run;
    let events = stream::unfold(Some((services, Duration::ZERO)), move |state| async move {
        let (mut services, pause) = state?;
        tokio::time::sleep(pause).await;
        // Whoever listens asks again when control is away.
        let progress = ask(&mut services, run).await.ok()?;
        let goes_on = progress.state() == RunState::Running;
        let event = Event::default().event("progress");
        let event = event.json_data(Progress::from(progress)).ok()?;
        Some((Ok(event), goes_on.then_some((services, EVERY))))
    });
    Ok(Sse::new(events.take_until(shutdown.cancelled_owned())))
}

async fn ask(services: &mut Services, run: i64) -> Result<ProgressResponse, Problem> {
    let progress = services.control.progress(ProgressRequest { run }).await?;
    Ok(progress.into_inner())
}

impl From<ProgressResponse> for Progress {
    fn from(progress: ProgressResponse) -> Self {
        Self {
            state: word(progress.state().as_str_name(), "RUN_STATE"),
            reason: progress.reason,
            files: progress.files,
            records: progress.records,
            items: progress.items,
            deliveries_planned: progress.deliveries_planned,
            deliveries_done: progress.deliveries_done,
            deliveries_waiting: progress.deliveries_waiting,
            ingestion_tasks: progress.ingestion_tasks,
            conversion_tasks: progress.conversion_tasks,
            mapping_tasks: progress.mapping_tasks,
            import_tasks: progress.import_tasks,
        }
    }
}
