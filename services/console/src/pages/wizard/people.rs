//! Who would get what: participants of the first conversations of each source, and their mailboxes.

use std::collections::BTreeSet;

use chatkeep_proto::v1::{IngestionPreviewResponse, PreviewResponse, Resolution};
use chatkeep_report::number;
use maud::{Markup, html};
use tonic::Status;

use crate::{Services, mappings::people, pages::checks};

/// People shown.
const SHOWN: usize = 200;

/// What was found.
pub(super) struct People {
    /// The first conversations of each source, or why it cannot be read.
    pub(super) previews: Vec<Result<IngestionPreviewResponse, Status>>,
    pub(super) found: Result<PreviewResponse, Status>,
}

/// Looks; `count`: also at how much each source holds.
pub(super) async fn look(services: &mut Services, file: &str, sources: u32, count: bool) -> People {
    let previews = people::previews(services, file, sources, count).await;
    let readable = previews.iter().flatten();
    let people: BTreeSet<_> = readable.flat_map(people::participants).collect();
    let found = people::resolve(services, file, None, people).await;
    let found = found.map(sorted);
    People { previews, found }
}

impl People {
    /// Each of them.
    pub(super) fn everybody(&self) -> Markup {
        self.show(|found| html! { (table(found.resolutions.iter())) })
    }

    /// Those who need somebody; the others behind them, folded.
    pub(super) fn in_short(&self) -> Markup {
        self.show(|found| {
            let (waiting, others): (Vec<_>, Vec<_>) =
                found.resolutions.iter().partition(|one| rank(one) < 2);
            html! {
                @if !waiting.is_empty() { (table(waiting.into_iter())) }
                @if !others.is_empty() {
                    details.fold { summary { "Everybody else" } (table(others.into_iter())) }
                }
            }
        })
    }

    fn show(&self, list: impl Fn(&PreviewResponse) -> Markup) -> Markup {
        html! {
            section.card.flush aria-labelledby="people" {
                h2 #people { "Who maps to whom" }
                @for problem in self.previews.iter().filter_map(|preview| preview.as_ref().err()) { div.head { (checks::refused(problem)) } }
                @match &self.found {
                    Ok(found) => { p.head.soft { (summary(found)) } (list(found)) },
                    Err(status) => div.head { (checks::refused(status)) },
                }
            }
        }
    }
}

fn summary(found: &PreviewResponse) -> String {
    let count = |placement: &str| {
        let of = found.resolutions.iter();
        number(of.filter(|one| one.placement == placement).count() as u64)
    };
    format!(
        "Of {} participants of the first conversations {} are mapped, {} would be held, {} have conflicts, {} are \
         external.",
        number(found.resolutions.len() as u64),
        count("mapped"),
        count("held"),
        count("conflict"),
        count("external")
    )
}

/// Who needs somebody stands first.
fn sorted(mut found: PreviewResponse) -> PreviewResponse {
    found.resolutions.sort_by_key(rank);
    found
}

/// Below 2: somebody must do something.
fn rank(one: &Resolution) -> u8 {
    match one.placement.as_str() {
        "conflict" => 0,
        "held" => 1,
        "mapped" => 2,
        _ => 3,
    }
}

fn table<'a>(people: impl Iterator<Item = &'a Resolution>) -> Markup {
    html! {
        div.scroll { table.stack {
            caption.unseen { "Participants and their mailboxes" }
            thead { tr { th scope="col" { "Participant" } th scope="col" { "Mailbox" } th scope="col" { "Found by" } } }
            tbody { @for one in people.take(SHOWN) { (row(one)) } }
        } }
    }
}

fn row(one: &Resolution) -> Markup {
    html! {
        tr {
            th scope="row" { (one.address) }
            td data-label="Mailbox" {
                @match one.placement.as_str() {
                    "mapped" => (one.mailbox),
                    "held" => span.badge.warn { "Held: no mailbox known" },
                    "conflict" => span.badge.warn { "Held: two users have the address" },
                    _ => span.badge.plain { "External" },
                }
            }
            td data-label="Found by" { (rule(&one.rule)) }
        }
    }
}

fn rule(rule: &str) -> &str {
    match rule {
        "custom" => "custom mapping",
        "sip" => "SIP address",
        "primary" => "primary address",
        "upn" => "principal name",
        "alias" => "alias",
        "catch-all" => "catch-all",
        "domain" => "domain",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_source_calls_its_users_is_shown_as_text() {
        let shown = row(&Resolution {
            address: "<script>alert(1)</script>@contoso.com".to_owned(),
            placement: "mapped".to_owned(),
            mailbox: "\"><img src=x onerror=alert(1)>".to_owned(),
            ..Resolution::default()
        });

        let shown = shown.into_string();

        assert!(
            !shown.contains("<script") && !shown.contains("<img"),
            "{shown}"
        );
    }
}
