//! The runs of a connector.

use chatkeep_proto::v1::ReportResponse;
use maud::{Markup, html};

use super::{RUNS, Stored, chart};
use crate::pages::words;

/// A chart and a table of runs, newest first.
pub(super) fn card(stored: &Stored, runs: &[ReportResponse], is_older: bool) -> Markup {
    html! {
        section.card.flush aria-labelledby="runs" {
            h2 #runs { "Runs" }
            @if runs.is_empty() {
                p.head.soft { "There is no run yet. “Run now” starts one." }
            } @else {
                @if runs.len() > 1 { div.head { (chart::bars(runs)) } }
                div.scroll { (table(stored, runs)) }
            }
            (pager(stored, runs, is_older))
        }
    }
}

fn table(stored: &Stored, runs: &[ReportResponse]) -> Markup {
    html! {
        table.stack {
            caption.unseen { "Runs, newest first" }
            thead { tr {
                th scope="col" { "Run" }
                th scope="col" { "Opened" }
                th.num scope="col" { "Records" }
                th.num scope="col" { "Items" }
                th.num scope="col" { "Imported" }
                th.num scope="col" { "Failed" }
                th.num scope="col" { "Held" }
                th.num.spare scope="col" { "Lag" }
                th scope="col" { "Status" }
            } }
            tbody { @for run in runs { (row(stored, run)) } }
        }
    }
}

fn row(stored: &Stored, run: &ReportResponse) -> Markup {
    let records = run.records.unwrap_or_default();
    let deliveries = run.deliveries.unwrap_or_default();
    html! {
        tr {
            th scope="row" { a.num href={ (stored.address()) "/runs/" (run.number) } { "Run " (run.number) } }
            td data-label="Opened" { (words::when(run.opened)) }
            td.num data-label="Records" { (words::count(records.read)) }
            td.num data-label="Items" { (words::count(run.items)) }
            td.num data-label="Imported" { (words::count(deliveries.imported)) }
            td.num data-label="Failed" { (words::count(deliveries.failed)) }
            td.num data-label="Held" { (words::count(deliveries.held)) }
            td.num.spare data-label="Lag" {
                @match words::lag(run) { Some(lag) => (words::rough(lag)), None => (words::none()) }
            }
            td data-label="Status" {
                (words::run_badge(run.state(), &run.reason))
                @if run.findings > 0 { " " span.badge.warn { (run.findings) " findings" } }
                @if run.backfill > 0 { " " span.badge.plain { "backfill" } }
            }
        }
    }
}

fn pager(stored: &Stored, runs: &[ReportResponse], is_older: bool) -> Markup {
    let last = runs
        .last()
        .filter(|last| runs.len() >= RUNS as usize && last.number > 1);
    html! {
        @if is_older || last.is_some() {
            nav.pager aria-label="Pages of runs" {
                @if is_older { a href=(stored.address()) { "Newest runs" } }
                @if let Some(last) = last {
                    a href={ (stored.address()) "?before=" (last.number) } { "Older runs" }
                }
            }
        }
    }
}
