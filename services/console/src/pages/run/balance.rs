//! The two equations of a run, and whether they close.

use chatkeep_proto::v1::{ReportResponse, RunState};
use chatkeep_report::number;
use maud::{Markup, html};

/// One equation: the whole, what it is of, and its parts.
struct Equation {
    whole: u64,
    name: &'static str,
    parts: Vec<(u64, &'static str)>,
}

/// Both equations.
pub(super) fn card(run: &ReportResponse) -> Markup {
    let records = run.records.unwrap_or_default();
    let deliveries = run.deliveries.unwrap_or_default();
    let records = Equation {
        whole: records.read,
        name: "records read",
        parts: vec![
            (records.rendered, "rendered"),
            (records.duplicates, "duplicates"),
            (records.excluded, "excluded"),
            (records.quarantined, "quarantined"),
            (records.open, "open, of days not over"),
        ],
    };
    let deliveries = Equation {
        whole: deliveries.planned,
        name: "deliveries planned",
        parts: vec![
            (deliveries.imported, "imported"),
            (deliveries.partially_imported, "partially imported"),
            (deliveries.skipped, "skipped, there already"),
            (deliveries.failed, "failed"),
            (deliveries.held, "held, no mailbox yet"),
        ],
    };
    let is_under_way = matches!(
        run.state(),
        RunState::Running | RunState::Paused | RunState::Failed
    );
    html! {
        section.card aria-labelledby="balance" {
            h2 #balance { "Balance" }
            (records.show(is_under_way))
            (deliveries.show(is_under_way))
        }
    }
}

impl Equation {
    fn show(&self, is_under_way: bool) -> Markup {
        let sum: u64 = self.parts.iter().map(|(value, _)| value).sum();
        html! {
            div.balance role="group" aria-label=(self.name) {
                div.whole { b { (number(self.whole)) } span { (self.name) } }
                @for ((value, name), sign) in self.parts.iter().zip(std::iter::once("=").chain(std::iter::repeat("+"))) {
                    i { (sign) }
                    div.nil[*value == 0] { b { (number(*value)) } span { (name) } }
                }
            }
            p.small { (self.verdict(sum, is_under_way)) }
        }
    }

    fn verdict(&self, sum: u64, is_under_way: bool) -> Markup {
        let difference = number(self.whole.abs_diff(sum));
        html! {
            @if self.whole == sum {
                span.badge.good { "Closes" } " Every one of the " (number(self.whole)) " " (self.name) " is accounted for."
            } @else if is_under_way {
                span.badge.info { "Under way" } " " (difference) " are still to come."
            } @else if self.whole > sum {
                span.badge.bad { "Open" } " " strong { (difference) " of the " (self.name) " are not accounted for." }
            } @else {
                span.badge.bad { "Open" } " " strong { "There are " (difference) " more than " (self.name) "." }
            }
        }
    }
}
