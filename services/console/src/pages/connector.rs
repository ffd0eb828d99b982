//! One connector: what it is, what it does, what it did.

pub(super) mod actions;
pub(super) mod backfills;
mod chart;
pub(super) mod check;
mod history;
pub(super) mod progress;
pub(super) mod properties;

use axum::extract::{Path as Parameter, Query, State};
use chatkeep_proto::v1::{ConnectorState, ListBackfillsRequest, ListRunsRequest, ReportResponse};
use chatkeep_report::number;
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    connectors::deleted,
    form,
    layout::{self, Page},
    proposals, viewer, words,
};
use crate::{Services, error::PageError, sign_in::Right, stored::Stored};

/// Runs shown at once.
const RUNS: u32 = 25;

/// What a connector's page may be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// What was done just now.
    done: String,
    /// The ledger's id of a run that was opened just now.
    run: Option<i64>,
    /// Only runs with a smaller number.
    before: i64,
}

/// `GET /connectors/{id}`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Parameter(id): Parameter<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let last = stored.summary.last_run.as_ref().map(|last| last.run);
    let open = progress::open_run(&mut services, asked.run.or(last)).await?;
    let request = ListRunsRequest {
        connector: id.clone(),
        limit: RUNS,
        before: asked.before,
        brief: true,
    };
    let runs = services.control.list_runs(request).await?.into_inner().runs;
    let request = ListBackfillsRequest { connector: id };
    let backfills = services.control.list_backfills(request).await?;
    let backfills = backfills.into_inner().backfills;
    let waiting = proposals::waiting_of(&mut services, &stored.summary.connector).await?;
    let deleted = deleted::notice(&mut services, &stored.summary, waiting.is_required).await?;
    let content = html! {
        (said(&asked.done))
        (deleted)
        (warnings(&stored, &runs))
        (proposals::notice(&waiting.proposals))
        @if let Some(open) = &open { (progress::card(&stored, open)) }
        div.grid {
            (properties::card(&stored))
            (properties::sources(&stored, runs.first()))
        }
        (history::card(&stored, &runs, asked.before > 0))
        (backfills::card(&stored, &backfills))
        (properties::more(&stored, waiting.is_required))
    };
    let name = stored.summary.name.clone();
    let page = Page::new(&name).below("Data connectors", "/connectors");
    Ok(page.beside(buttons(&stored, &runs)).show(&content))
}

fn buttons(stored: &Stored, runs: &[ReportResponse]) -> Markup {
    let address = stored.address();
    let state = stored.summary.state();
    html! {
        (words::connector_badge(state)) (proposals::badge(stored.summary.proposals))
        @if !viewer::may(Right::Operate) || state == ConnectorState::Deleted {
        } @else if state == ConnectorState::Paused {
            (form::button(&format!("{address}/resume"), "primary", "Resume"))
        } @else {
            (form::button(&format!("{address}/run"), "primary", "Run now"))
            (form::button(&format!("{address}/pause"), "", "Pause"))
        }
        @if viewer::may(Right::Administer) && state != ConnectorState::Deleted {
            a.button href={ (address) "/edit" } { "Edit" }
        }
        @if let Some(run) = runs.iter().find(|run| run.closed.is_some()) {
            a.button href={ "/api/v1" (address) "/runs/" (run.number) "/log.csv" } download { "Download log" }
        }
    }
}

/// Answers to what was done just now.
fn said(done: &str) -> Markup {
    let (title, words) = match done {
        "saved" => ("Saved.", "From now on runs use what you see here."),
        "run" => (
            "A run was started.",
            "When it finds nothing new, it leaves no trace below.",
        ),
        "paused" => (
            "Paused.",
            "No run is opened. What was already begun is finished.",
        ),
        "resumed" => ("Resumed.", "It goes on exactly where it was."),
        "restored" => (
            "Restored.",
            "It goes on from what it has archived. Check its schedule and its connections.",
        ),
        "backfill" => (
            "Backfill ordered.",
            "Its runs begin when no other run is open.",
        ),
        "backfill-cancelled" => ("Backfill ended.", "No further run of it is opened."),
        _ => return html! {},
    };
    layout::notice("good", title, &html! { p { (words) } })
}

fn warnings(stored: &Stored, runs: &[ReportResponse]) -> Markup {
    let now = words::now();
    let summary = &stored.summary;
    let held = runs
        .iter()
        .map(|run| run.deliveries.unwrap_or_default().held);
    let held: u64 = held.sum();
    html! {
        @if words::is_urgent(&summary.horizons, now) {
            (layout::notice("bad", "The server will purge conversations before they are read", &html! {
                ul { @for one in &summary.horizons { li { (words::horizon(one, now)) } } }
                p { "Run now, or let the server keep what it archives for longer." }
            }))
        }
        @if summary.state() == ConnectorState::Paused {
            (layout::notice("warn", "This connector is paused", &html! {
                p { "No run is opened until it is resumed. What servers purge meanwhile is lost." }
            }))
        }
        @if held > 0 {
            (layout::notice("info", "Somebody waits for a mailbox", &html! {
                p { (number(held)) " deliveries of these runs are held. " a href={ (stored.address()) "/held" } { "See who waits" } "." }
            }))
        }
    }
}
