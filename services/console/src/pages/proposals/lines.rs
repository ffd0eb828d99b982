//! What differs between two custom mappings.

use std::{collections::HashSet, path::Path};

use chatkeep_proto::v1::Proposal;
use maud::{Markup, html};

use crate::mappings::Mappings;

/// Lines that are shown of each kind.
const SHOWN: usize = 200;

/// The lines that a proposal adds to the custom mapping and takes out of it, where the console keeps both.
pub(super) async fn card(proposal: &Proposal, mappings: &Mappings) -> Markup {
    let mut changes = proposal.changes.iter();
    let Some(change) = changes.find(|change| change.key == "mapping.custom") else {
        return html! {};
    };
    let before = read(mappings, change.before.as_deref()).await;
    let after = read(mappings, change.after.as_deref()).await;
    let (Some(before), Some(after)) = (before, after) else {
        return html! { section.card { h2 { "Custom mapping" } p { "Its lines are in a file that is not kept by the console: look at it there." } } };
    };
    let (gone, new) = (only_in(&before, &after), only_in(&after, &before));
    html! {
        section.card aria-labelledby="lines" {
            h2 #lines { "Custom mapping" }
            (list("Lines that are added", &new))
            (list("Lines that are taken out", &gone))
        }
    }
}

/// The text of a mapping; empty where there is none, `None` where it is somebody else's file.
async fn read(mappings: &Mappings, file: Option<&str>) -> Option<String> {
    match file {
        None => Some(String::new()),
        Some(file) => mappings.read(Path::new(file)).await,
    }
}

/// Lines of one text that the other one has not.
fn only_in<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    let other: HashSet<_> = other.lines().collect();
    let lines = text.lines();
    lines.filter(|line| !other.contains(line)).collect()
}

fn list(title: &str, lines: &[&str]) -> Markup {
    html! {
        h3 { (title) }
        @if lines.is_empty() { p.soft { "None." } } @else {
            pre tabindex="0" { @for line in lines.iter().take(SHOWN) { (line) "\n" } }
            @if lines.len() > SHOWN { p.small { "and " (lines.len() - SHOWN) " more" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_that_are_added_and_that_are_gone() {
        let (before, after) = (
            "source_user,mailbox\na,b\nc,d\n",
            "source_user,mailbox\na,b\nc,e\n",
        );

        assert_eq!(only_in(after, before), ["c,e"]);
        assert_eq!(only_in(before, after), ["c,d"]);
    }
}
