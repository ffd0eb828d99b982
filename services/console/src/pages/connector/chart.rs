//! Items, exceptions and lag of runs, as a picture.

use chatkeep_proto::v1::ReportResponse;
use chatkeep_report::{day, number};
use maud::{Markup, html};

use crate::pages::words;

/// Size of the picture, and room for its words; no unit, it is scaled.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 150;
const TOP: u64 = 16;
const BOTTOM: u64 = 22;
const WIDEST: u64 = 44;

/// The oldest run stands left. The table below has the same numbers in words.
pub(super) fn bars(runs: &[ReportResponse]) -> Markup {
    let highest = runs.iter().map(|run| run.items.max(words::exceptions(run)));
    let highest = highest.max().unwrap_or(0).max(1);
    let longest = runs.iter().filter_map(words::lag).max();
    let step = (WIDTH / (runs.len() as u64).max(1)).min(WIDEST);
    let every = (60 / step.max(1)).max(1);
    let shown = match longest {
        Some(_) => "Items, exceptions and lag",
        None => "Items and exceptions",
    };
    let label = format!("{shown} of {} runs, the newest on the right", runs.len());
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (TOP + HEIGHT + BOTTOM) } role="img" aria-label=(label) {
            text x="0" y="10" { (number(highest)) " items" }
            @if let Some(longest) = longest {
                text x=(WIDTH) y="10" text-anchor="end" { "lag " (words::rough(longest)) }
            }
            line.axis x1="0" x2=(WIDTH) y1=(TOP + HEIGHT) y2=(TOP + HEIGHT) {}
            @for (run, index) in runs.iter().rev().zip(0_u64..) {
                (bar(run, index * step, step, highest))
                @if index % every == 0 {
                    text x=(index * step) y=(TOP + HEIGHT + BOTTOM - 6) { (run.number) }
                }
            }
            @if let Some(longest) = longest { (lags(runs, step, longest)) }
        }
        p.legend aria-hidden="true" {
            span { span.key.ok {} "items" }
            span { span.key.no {} "failed, held or quarantined" }
            @if longest.is_some() {
                span { span.key.late {} "lag: from the end of its days until it was closed" }
            }
        }
    }
}

/// Whatever there is can be seen.
fn scaled(value: u64, highest: u64) -> u64 {
    match value {
        0 => 0,
        value => (value.saturating_mul(HEIGHT - 4) / highest.max(1)).max(2),
    }
}

fn bar(run: &ReportResponse, left: u64, step: u64, highest: u64) -> Markup {
    let wrong = words::exceptions(run);
    let (items, exceptions) = (scaled(run.items, highest), scaled(wrong, highest));
    let half = (step * 2 / 5).max(1);
    html! {
        g {
            title {
                "Run " (run.number) ", " (day(run.opened)) ": " (number(run.items)) " items, "
                (number(wrong)) " exceptions"
                @if let Some(lag) = words::lag(run) { ", lag " (words::rough(lag)) }
            }
            rect.ok x=(left) y=(TOP + HEIGHT - items) width=(half) height=(items) rx="2" {}
            rect.bad x=(left + half) y=(TOP + HEIGHT - exceptions) width=(half) height=(exceptions) rx="2" {}
        }
    }
}

/// A point for each run that has one, and a line through them.
fn lags(runs: &[ReportResponse], step: u64, longest: u64) -> Markup {
    let points = runs.iter().rev().zip(0_u64..).filter_map(|(run, index)| {
        let high = scaled(words::lag(run)?, longest);
        Some((index * step + step * 2 / 5, TOP + HEIGHT - high))
    });
    let points: Vec<_> = points.collect();
    let line: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    html! {
        polyline.late points=(line.join(" ")) {}
        @for (x, y) in &points { circle.late cx=(x) cy=(y) r="3" {} }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: i64, to: Option<i64>, closed: Option<i64>) -> ReportResponse {
        ReportResponse {
            number,
            to,
            closed,
            items: 7,
            ..ReportResponse::default()
        }
    }

    #[test]
    fn the_lag_of_runs_that_cover_days_is_a_line_beside_their_items() {
        let runs = [
            run(3, Some(86_400), Some(86_400 + 7_200)),
            run(2, None, Some(90_000)),
            run(1, Some(0), Some(3_600)),
        ];

        let shown = bars(&runs).into_string();

        assert!(shown.contains("lag 2 h"), "{shown}");
        assert_eq!(shown.matches("<circle").count(), 2, "{shown}");
        let points = shown.split("points=\"").nth(1).unwrap();
        let points: Vec<_> = points.split('"').next().unwrap().split(' ').collect();
        let height = |point: &str| point.split_once(',').unwrap().1.parse::<u64>().unwrap();
        // An hour is half as high as two.
        assert_eq!(166 - height(points[1]), 2 * (166 - height(points[0])));
    }

    #[test]
    fn runs_that_cover_no_days_have_no_lag() {
        let mut slice = run(2, Some(0), Some(9_000_000));
        slice.backfill = 1;
        let shown = bars(&[run(3, Some(60), None), slice, run(1, None, Some(90_000))]);

        assert!(!shown.into_string().contains("lag "));
    }
}
