//! Whom and what a run covers.

use chatkeep_proto::v1::{People, ReportResponse, SourceCoverage};
use chatkeep_report::number;
use maud::{Markup, html};

/// Coverage, where there is any.
pub(super) fn card(run: &ReportResponse) -> Markup {
    let Some(coverage) = &run.coverage else {
        return html! {};
    };
    html! {
        section.card aria-labelledby="coverage" {
            h2 #coverage { "Coverage" }
            @if let Some(people) = &coverage.people { p { (seen(people)) } }
            @for source in &coverage.sources { (contained(source)) }
        }
    }
}

fn seen(people: &People) -> String {
    let mut text = format!(
        "Of {} users with a SIP address {} took part in conversations of this run",
        number(people.enabled),
        number(people.seen)
    );
    if people.in_exchange > 0 {
        text.push_str(&format!(
            ", {} are archived by Exchange",
            number(people.in_exchange)
        ));
    }
    text.push('.');
    text
}

fn contained(source: &SourceCoverage) -> Markup {
    html! {
        h3 { "Source " (source.source) ", " (source.r#type) }
        @if !source.name.is_empty() { p.small.soft { (source.name) } }
        p.small { (number(source.records)) " records. It never contains:" }
        ul.small { @for never in &source.never { li { (never) } } }
    }
}
