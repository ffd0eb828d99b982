//! One run: its balance, and everything in it that somebody should look at.

pub(super) mod actions;
mod balance;
mod coverage;
mod lists;

use axum::extract::{Path, Query, State};
use chatkeep_proto::v1::{Mailing, ReportRequest, ReportResponse, RunState};
use chatkeep_report::{mailing, number, window};
use data_encoding::HEXLOWER;
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    form,
    layout::{self, Page},
    viewer, words,
};
use crate::{
    Services, error::PageError, pages::connector::progress, sign_in::Right, stored::Stored,
};

/// What a run's page may be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// What was done just now.
    done: String,
    /// The list that is shown.
    list: String,
    /// Where a page of it begins.
    page: String,
}

/// `GET /connectors/{id}/runs/{number}`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Path((id, run_number)): Path<(String, i64)>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let request = ReportRequest {
        connector: id,
        number: run_number,
        brief: true,
    };
    let run = services.control.report(request).await?.into_inner();
    let address = format!("{}/runs/{run_number}", stored.address());
    let list = lists::card(&mut services, &stored, &run, (&asked.list, &asked.page)).await?;
    let content = html! {
        (said(&asked.done))
        @if matches!(run.state(), RunState::Failed | RunState::Paused) {
            (progress::stopped(&stored, run.state(), &run.reason))
        }
        (balance::card(&run))
        div.grid { (facts(&run)) (coverage::card(&run)) }
        (list)
    };
    let title = format!("Run {run_number}");
    let page = Page::new(&title).below("Data connectors", "/connectors");
    let page = page.below(&stored.summary.name, stored.address());
    Ok(page.beside(buttons(&address, &run)).show(&content))
}

fn buttons(address: &str, run: &ReportResponse) -> Markup {
    let deliveries = run.deliveries.unwrap_or_default();
    let records = run.records.unwrap_or_default();
    let to_retry = deliveries.failed + deliveries.partially_imported + records.quarantined;
    html! {
        (words::run_badge(run.state(), &run.reason))
        @if run.state() == RunState::Running && viewer::may(Right::Operate) {
            (form::button(&format!("{address}/cancel"), "", "Cancel run"))
        }
        @if run.closed.is_some() && to_retry > 0 && viewer::may(Right::Operate) {
            (form::button(&format!("{address}/retry"), "primary", "Retry failed"))
        }
        @if run.closed.is_some() {
            a.button href={ "/api/v1" (address) "/log.csv" } download { "Download log" }
            a.button href={ "/api/v1" (address) "/log.json" } download { "as JSON" }
        }
    }
}

fn said(done: &str) -> Markup {
    let (kind, title, words) = match done {
        "retried" => (
            "good",
            "Trying again.",
            "The run goes on; the numbers below follow.",
        ),
        "nothing" => (
            "info",
            "There is nothing to try again.",
            "What is left waits for a mailbox, or was captured elsewhere.",
        ),
        "cancelled" => (
            "good",
            "Cancelled.",
            "It captures nothing more. What it captured is archived; the rest is the next run's.",
        ),
        _ => return html! {},
    };
    layout::notice(kind, title, &html! { p { (words) } })
}

fn facts(run: &ReportResponse) -> Markup {
    html! {
        section.card aria-labelledby="facts" {
            h2 #facts { "About this run" }
            dl {
                dt { "Kind" } dd {
                    (run.kind) @if run.scheduled { ", scheduled" } @else { ", by hand" }
                    @if run.backfill > 0 { ", backfill " (run.backfill) }
                }
                dt { "Opened" } dd { (words::when(run.opened)) }
                dt { "Closed" } dd { (words::when_or_none(run.closed)) }
                dt { "Conversations" } dd { (window(run.from, run.to)) }
                dt { "Items" } dd { (number(run.items)) }
                @if let Some(listed) = &run.listed {
                    dt { "Files" } dd {
                        (number(listed.files))
                        @if listed.unchanged > 0 { ", " (number(listed.unchanged)) " captured before" }
                        @if listed.foreign > 0 { ", " (number(listed.foreign)) " not the source's, ignored" }
                        @if listed.young > 0 { ", " (number(listed.young)) " still being written, left for the next run" }
                    }
                }
                @if run.copies_removed > 0 { dt { "Extra copies removed" } dd { (number(run.copies_removed)) } }
                @if run.earlier_deliveries > 0 { dt { "Delivered of earlier runs" } dd { (number(run.earlier_deliveries)) } }
                dt { "Seal" } dd {
                    @if run.seal.is_empty() { "not sealed yet" } @else {
                        code { (run.seal) }
                        div.small.soft { "SHA-256 " code { (HEXLOWER.encode(&run.seal_sha256)) } }
                    }
                }
                @if !run.mailings.is_empty() {
                    dt { "Report" } dd { @for mail in &run.mailings { (mailed(mail)) } }
                }
            }
        }
    }
}

fn mailed(mail: &Mailing) -> Markup {
    html! {
        div {
            (mail.recipient) ": " (mailing(mail)) ", " (words::when(mail.since))
            @if mail.stop { span.small.soft { " about its stop" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::MailingState;

    use super::*;

    #[test]
    fn a_run_s_page_says_whether_its_report_went_out() {
        let mail = |recipient: &str, state: MailingState, code| Mailing {
            recipient: recipient.to_owned(),
            state: state.into(),
            since: 1_772_327_100,
            code,
            ..Mailing::default()
        };
        let run = ReportResponse {
            mailings: vec![
                mail("one@contoso.com", MailingState::Sent, 0),
                mail("two@contoso.com", MailingState::Refused, 550),
            ],
            ..ReportResponse::default()
        };

        let shown = facts(&run).into_string();
        let of_others = facts(&ReportResponse::default()).into_string();

        assert!(shown.contains("one@contoso.com: sent, <time datetime=\"2026-03-01T01:05:00Z\""));
        assert!(shown.contains("two@contoso.com: refused by the mail server (550), "));
        assert!(!of_others.contains("Report"));
    }
}
