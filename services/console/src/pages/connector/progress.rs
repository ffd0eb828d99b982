//! A run that is under way.

use axum::{
    Json,
    extract::{Path, State},
};
use chatkeep_proto::v1::{
    ConnectorState, ListConnectorsRequest, ProgressRequest, ProgressResponse, RunState,
};
use chatkeep_report::number;
use maud::{Markup, html};
use serde::Serialize;
use tonic::{Code, Status};

use super::Stored;
use crate::{
    Services,
    error::PageError,
    pages::{form, layout, viewer, words},
    sign_in::Right,
};

/// A run, and how far it is.
pub(super) struct Open {
    run: i64,
    progress: ProgressResponse,
}

/// How far a run is, as the script reads it.
#[derive(Serialize)]
pub(crate) struct Progress {
    /// The ledger's id of the run; 0 when there is none.
    run: i64,
    state: String,
    is_open: bool,
    counts: Counts,
}

#[derive(Default, Serialize)]
struct Counts {
    files: u64,
    records: u64,
    items: u64,
    planned: u64,
    delivered: u64,
    waiting: u64,
    ingestion: u64,
    conversion: u64,
    mapping: u64,
    import: u64,
}

/// `GET /connectors/{id}/progress`: of the connector's newest run.
pub(crate) async fn json(
    State(mut services): State<Services>,
    Path(id): Path<String>,
) -> Result<Json<Progress>, PageError> {
    let all = services
        .control
        .list_connectors(ListConnectorsRequest::default());
    let all = all.await?.into_inner().connectors;
    let found = all.into_iter().find(|one| one.connector == id);
    let found = found.ok_or_else(|| Status::not_found("There is no such connector."))?;
    let Some(last) = found.last_run else {
        return Ok(Json(Progress::none()));
    };
    let request = ProgressRequest { run: last.run };
    let progress = services.control.progress(request).await?.into_inner();
    Ok(Json(Progress::of(last.run, &progress)))
}

impl Progress {
    fn none() -> Self {
        Self {
            run: 0,
            state: String::new(),
            is_open: false,
            counts: Counts::default(),
        }
    }

    fn of(run: i64, progress: &ProgressResponse) -> Self {
        Self {
            run,
            state: chatkeep_report::status(progress.state(), &progress.reason),
            is_open: progress.state() == RunState::Running,
            counts: Counts {
                files: progress.files,
                records: progress.records,
                items: progress.items,
                planned: progress.deliveries_planned,
                delivered: progress.deliveries_done,
                waiting: progress.deliveries_waiting,
                ingestion: progress.ingestion_tasks,
                conversion: progress.conversion_tasks,
                mapping: progress.mapping_tasks,
                import: progress.import_tasks,
            },
        }
    }
}

/// The run, unless it has ended well or is gone.
pub(super) async fn open_run(
    services: &mut Services,
    run: Option<i64>,
) -> Result<Option<Open>, PageError> {
    let Some(run) = run else { return Ok(None) };
    let progress = match services.control.progress(ProgressRequest { run }).await {
        Ok(progress) => progress.into_inner(),
        Err(status) if status.code() == Code::NotFound => return Ok(None),
        Err(status) => return Err(status.into()),
    };
    let is_shown = matches!(
        progress.state(),
        RunState::Running | RunState::Paused | RunState::Failed | RunState::NothingNew
    );
    Ok(is_shown.then_some(Open { run, progress }))
}

/// Progress of each stage, or why there is none.
pub(super) fn card(stored: &Stored, open: &Open) -> Markup {
    let progress = &open.progress;
    let last = stored.summary.last_run.as_ref();
    let is_last = last.is_some_and(|last| last.run == open.run);
    match progress.state() {
        RunState::NothingNew => {
            let words = html! { p { "Nothing was there that had not been archived before. The run leaves no trace." } };
            return layout::notice("info", "The run found nothing new", &words);
        }
        RunState::Failed if !is_last => return html! {},
        state @ (RunState::Failed | RunState::Paused) => {
            return stopped(stored, state, &progress.reason);
        }
        _ => {}
    }
    let number = last.filter(|_| is_last).map(|last| last.number);
    running(stored, open, number)
}

/// What has a stopped run go on. Only resuming always does: a new run waits for it, or is another one beside
/// a backfill's.
pub(in crate::pages) fn stopped(stored: &Stored, state: RunState, reason: &str) -> Markup {
    let is_failed = state == RunState::Failed;
    let is_idle = stored.summary.state() == ConnectorState::Paused;
    let title = if is_failed {
        "The run failed"
    } else {
        "The run is paused"
    };
    let words = html! {
        @if !reason.is_empty() { p { (reason) } }
        @if is_idle {
            p { "Nothing is lost. The run goes on where it was when the connector is resumed." }
        } @else if is_failed && stored.summary.due.is_some() {
            p { "Nothing is lost. It is tried again by itself, after longer and longer pauses; resuming it tries at once." }
        } @else {
            p { "Nothing is lost. Put right what stopped it, then resume it: it goes on where it was." }
        }
        @if !is_idle && viewer::may(Right::Operate) {
            (form::button(&format!("{}/resume", stored.address()), "", "Resume"))
        }
    };
    layout::notice("bad", title, &words)
}

fn running(stored: &Stored, open: &Open, run_number: Option<i64>) -> Markup {
    let Open { run, progress } = open;
    let address = stored.address();
    html! {
        section.card aria-labelledby="progress" data-progress={ (address) "/progress" } data-run=(run) {
            div.head {
                h2 #progress {
                    @if let Some(number) = run_number { "Run " (number) " " } @else { "Run " }
                    (words::run_badge(RunState::Running, ""))
                }
                @if let Some(number) = run_number.filter(|_| viewer::may(Right::Operate)) {
                    div.actions { (form::button(&format!("{address}/runs/{number}/cancel"), "", "Cancel run")) }
                }
            }
            @if progress.deliveries_planned > 0 {
                progress aria-label="Deliveries done" max=(progress.deliveries_planned) value=(progress.deliveries_done) {}
            } @else {
                progress aria-label="Deliveries done" {}
            }
            div.figures {
                (figure("records", progress.records, "records read"))
                (figure("items", progress.items, "items"))
                (figure("delivered", progress.deliveries_done, "delivered"))
                (figure("planned", progress.deliveries_planned, "deliveries planned"))
                (figure("waiting", progress.deliveries_waiting, "wait for throttled mailboxes"))
            }
            ul.stages aria-label="Tasks to go, by stage" {
                (stage("ingestion", "Ingestion", progress.ingestion_tasks))
                (stage("conversion", "Conversion", progress.conversion_tasks))
                (stage("mapping", "Mapping", progress.mapping_tasks))
                (stage("import", "Mailbox import", progress.import_tasks))
            }
            noscript { p.small { "Load the page again to see progress." } }
        }
    }
}

fn figure(name: &str, value: u64, words: &str) -> Markup {
    html! { div { b data-value=(name) { (number(value)) } span { (words) } } }
}

fn stage(name: &str, words: &str, tasks: u64) -> Markup {
    html! { li { b { (words) } span.soft { span data-value=(name) { (number(tasks)) } " tasks to go" } } }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chatkeep_model::connector::Connector;
    use chatkeep_proto::v1::ConnectorSummary;

    use super::*;

    fn words(state: ConnectorState, due: Option<i64>, run: RunState) -> String {
        let file = "name = \"Contoso\"\ndomain = \"contoso.com\"\n\
            [[sources]]\ntype = \"archiving-export\"\npath = \"/exports\"\n\
            [directory]\ntype = \"csv\"\npath = \"/directory.csv\"\n[target]\ntype = \"discard\"\n";
        let stored = Stored {
            summary: ConnectorSummary {
                connector: "contoso".to_owned(),
                state: state.into(),
                due,
                ..ConnectorSummary::default()
            },
            file: file.to_owned(),
            is_scheduled: due.is_some(),
            max_part_bytes: 0,
            connector: Connector::parse(file, Path::new("/")).unwrap(),
        };
        stopped(&stored, run, "quota").into_string()
    }

    #[test]
    fn a_stopped_run_says_what_has_it_go_on() {
        use ConnectorState::{Manual, Paused, Scheduled};

        let paused = words(Paused, Some(1), RunState::Paused);
        let stopped = words(Scheduled, Some(1), RunState::Paused);
        let failed = words(Manual, None, RunState::Failed);
        let scheduled = words(Scheduled, Some(1), RunState::Failed);

        assert!(paused.contains("when the connector is resumed"), "{paused}");
        for by_hand in [stopped, failed] {
            assert!(by_hand.contains("Put right what stopped it"), "{by_hand}");
        }
        assert!(scheduled.contains("tried again by itself"), "{scheduled}");
    }
}
