//! Backfills: days long past, archived beside the scheduled runs.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use chatkeep_proto::v1::{BackfillRequest, BackfillState, BackfillSummary, CancelBackfillRequest};
use chatkeep_report::{day, number};
use maud::{Markup, html};
use tonic::Status;

use super::{Stored, actions::back};
use crate::{
    Services,
    error::PageError,
    pages::{
        form::{self, Fields},
        viewer,
    },
    sign_in::Right,
};

/// The backfills there are, and a form for another one.
pub(super) fn card(stored: &Stored, backfills: &[BackfillSummary]) -> Markup {
    if backfills.is_empty() && !viewer::may(Right::Operate) {
        return html! {};
    }
    let address = format!("{}/backfills", stored.address());
    html! {
        section.card aria-labelledby="backfill" {
            h2 #backfill { "Backfill" }
            p.soft { "Archives days long past in slices, one after the other, whenever no other run is open." }
            @if !backfills.is_empty() { div.scroll { table.stack {
                caption.unseen { "Backfills, newest first" }
                thead { tr {
                    th scope="col" { "Days" } th scope="col" { "Status" } th.num scope="col" { "Runs" }
                    th.num scope="col" { "Items" } th scope="col" { "Action" }
                } }
                tbody { @for one in backfills { (row(&address, one)) } }
            } } }
            @if viewer::may(Right::Operate) {
                details { summary { "Order a backfill" } (form::post(&address, &order())) }
            }
        }
    }
}

fn order() -> Markup {
    html! {
        div.pair {
            div.field { label for="from" { "First day (UTC)" } input #from name="from" type="date" required; }
            div.field { label for="to" { "Day behind the last one" } input #to name="to" type="date" required; }
            div.field { label for="slice" { "Days per run" } input #slice name="slice" type="number" min="1" max="366" value="7"; }
        }
        div.field { label { input type="checkbox" name="newest_first" value="true"; "The last days first" } }
        button type="submit" { "Start backfill" }
    }
}

fn row(address: &str, one: &BackfillSummary) -> Markup {
    let (kind, words) = match one.state() {
        BackfillState::Unspecified => ("plain", "Unknown"),
        BackfillState::Open => ("info", "Under way"),
        BackfillState::Finished => ("good", "Finished"),
        BackfillState::Cancelled => ("plain", "Cancelled"),
        BackfillState::Failed => ("bad", "Failed"),
    };
    html! {
        tr {
            th scope="row" { (day(one.from)) " to before " (day(one.to)) }
            td data-label="Status" {
                span class={ "badge " (kind) } { (words) } " "
                @if one.state() == BackfillState::Open {
                    span.small.soft { @if one.newest_first { "covered back to " } @else { "covered until " } (day(one.covered)) }
                }
            }
            td.num data-label="Runs" { (number(one.runs.into())) }
            td.num data-label="Items" { (number(one.items)) }
            td.inline data-label="Action" {
                @if one.state() == BackfillState::Open && viewer::may(Right::Operate) {
                    (form::button(&format!("{address}/{}/cancel", one.backfill), "link", "Cancel"))
                } @else { (super::words::none()) }
            }
        }
    }
}

/// `POST /connectors/{id}/backfills`.
pub(crate) async fn start(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, PageError> {
    let from = form::midnight(fields.get("from"))?.as_second();
    let to = form::midnight(fields.get("to"))?.as_second();
    if to <= from {
        let problem =
            "The day behind the last one must come after the first day: nothing would be archived.";
        return Err(Status::invalid_argument(problem).into());
    }
    let request = BackfillRequest {
        connector: id.clone(),
        from,
        to,
        slice_days: fields.get("slice").parse().unwrap_or(0),
        newest_first: fields.has("newest_first"),
    };
    services.control.backfill(request).await?;
    Ok(back(&id, "backfill"))
}

/// `POST /connectors/{id}/backfills/{backfill}/cancel`.
pub(crate) async fn cancel(
    State(mut services): State<Services>,
    Path((id, backfill)): Path<(String, i64)>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let request = CancelBackfillRequest {
        connector: id.clone(),
        backfill,
    };
    services.control.cancel_backfill(request).await?;
    Ok(back(&id, "backfill-cancelled"))
}
