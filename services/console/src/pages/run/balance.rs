//! The two equations of a run, and whether they close.

use chatkeep_proto::v1::{ReportResponse, RunState};
use chatkeep_report::{DeliveryBalance, Equation, RecordBalance, number};
use maud::{Markup, html};

/// Both equations.
pub(super) fn card(run: &ReportResponse) -> Markup {
    let records = RecordBalance::from(run.records.unwrap_or_default()).equation();
    let deliveries = DeliveryBalance::from(run.deliveries.unwrap_or_default()).equation();
    let is_under_way = matches!(
        run.state(),
        RunState::Running | RunState::Paused | RunState::Failed
    );
    html! {
        section.card aria-labelledby="balance" {
            h2 #balance { "Balance" }
            (show(&records, is_under_way))
            (show(&deliveries, is_under_way))
        }
    }
}

fn show(equation: &Equation, is_under_way: bool) -> Markup {
    let parts = equation.parts.iter();
    html! {
        div.balance role="group" aria-label=(equation.name) {
            div.whole { b { (number(equation.whole)) } span { (equation.name) } }
            @for ((value, name), sign) in parts.zip(std::iter::once("=").chain(std::iter::repeat("+"))) {
                i { (sign) }
                div.nil[*value == 0] { b { (number(*value)) } span { (name) } }
            }
        }
        p.small { (verdict(equation, is_under_way)) }
    }
}

fn verdict(equation: &Equation, is_under_way: bool) -> Markup {
    let (whole, sum) = (equation.whole, equation.sum());
    let difference = number(whole.abs_diff(sum));
    html! {
        @if equation.closes() {
            span.badge.good { "Closes" } " Every one of the " (number(whole)) " " (equation.name) " is accounted for."
        } @else if is_under_way {
            span.badge.info { "Under way" } " " (difference) " are still to come."
        } @else if whole > sum {
            span.badge.bad { "Open" } " " strong { (difference) " of the " (equation.name) " are not accounted for." }
        } @else {
            span.badge.bad { "Open" } " " strong { "There are " (difference) " more than " (equation.name) "." }
        }
    }
}
