//! Items and exceptions of runs, as bars.

use chatkeep_proto::v1::ReportResponse;
use chatkeep_report::{day, number};
use maud::{Markup, html};

use crate::pages::words;

/// Size of the picture, and room for its words; no unit, it is scaled.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 150;
const BOTTOM: u64 = 22;
const WIDEST: u64 = 44;

/// The oldest run stands left. The table below has the same numbers in words.
pub(super) fn bars(runs: &[ReportResponse]) -> Markup {
    let highest = runs.iter().map(|run| run.items.max(words::exceptions(run)));
    let highest = highest.max().unwrap_or(0).max(1);
    let step = (WIDTH / (runs.len() as u64).max(1)).min(WIDEST);
    let every = (60 / step.max(1)).max(1);
    let label = format!(
        "Items and exceptions of {} runs, the newest on the right",
        runs.len()
    );
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT + BOTTOM + 12) } role="img" aria-label=(label) {
            text x="0" y="10" { (number(highest)) }
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT + 12) y2=(HEIGHT + 12) {}
            @for (run, index) in runs.iter().rev().zip(0_u64..) {
                (bar(run, index * step, step, highest))
                @if index % every == 0 {
                    text x=(index * step) y=(HEIGHT + BOTTOM + 6) { (run.number) }
                }
            }
        }
        p.legend aria-hidden="true" {
            span { span.key.ok {} "items" } span { span.key.no {} "failed, held or quarantined" }
        }
    }
}

fn bar(run: &ReportResponse, left: u64, step: u64, highest: u64) -> Markup {
    let wrong = words::exceptions(run);
    // Whatever there is can be seen.
    let scaled = |value: u64| match value {
        0 => 0,
        value => (value.saturating_mul(HEIGHT - 4) / highest).max(2),
    };
    let (items, exceptions) = (scaled(run.items), scaled(wrong));
    let half = (step * 2 / 5).max(1);
    html! {
        g {
            title {
                "Run " (run.number) ", " (day(run.opened)) ": " (number(run.items)) " items, "
                (number(wrong)) " exceptions"
            }
            rect.ok x=(left) y=(HEIGHT + 12 - items) width=(half) height=(items) rx="2" {}
            rect.bad x=(left + half) y=(HEIGHT + 12 - exceptions) width=(half) height=(exceptions) rx="2" {}
        }
    }
}
