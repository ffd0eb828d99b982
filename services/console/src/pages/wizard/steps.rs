//! The pages of the way.

use maud::{Markup, html};

use super::{
    asked,
    catalog::{self, DIRECTORIES, TARGETS},
    draft::Draft,
    inputs,
    problems::Problems,
    step::Step,
};
use crate::{
    mappings::Mappings,
    pages::{
        form,
        layout::{self, Page},
        proposals,
    },
};

/// What is shown of a step beside the draft.
pub(super) struct View {
    pub(super) step: Step,
    pub(super) problems: Problems,
    /// What was found out.
    pub(super) below: Markup,
    /// The version that somebody else has stored meanwhile.
    pub(super) conflict: Option<i64>,
    /// It is not stored at its end but proposed: somebody else has to approve it.
    pub(super) proposes: bool,
    /// Where the form is sent.
    action: String,
}

impl View {
    pub(super) fn new(step: Step, action: &str) -> Self {
        Self {
            step,
            problems: Problems::default(),
            below: html! {},
            conflict: None,
            proposes: false,
            action: action.to_owned(),
        }
    }

    fn is_new(&self) -> bool {
        self.action == "/connectors/new"
    }

    /// The whole page.
    pub(super) async fn show(&self, draft: &Draft, mappings: &Mappings) -> Markup {
        let csv = match draft.custom_mapping() {
            Some(file) => mappings.read(&file).await,
            None => None,
        };
        let fields = html! {
            input type="hidden" name="step" value=(self.step.title());
            (draft.hidden(self.step == Step::Schedule))
            // Enter presses the first button of a form.
            button.unseen type="submit" name="go" value=(self.onward()) tabindex="-1" aria-hidden="true" { "Next" }
            (self.asked(draft, csv.as_deref()))
            // What is decided upon stands before the button that does it.
            @if self.step == Step::Review { (self.below) }
            @if self.proposes { section.card { (proposals::reason()) } }
            (self.buttons())
        };
        let content = html! {
            (self.trail())
            (self.said())
            (form::entry(&self.action, &fields))
            @if self.step != Step::Review { (self.below) }
        };
        let page = if self.is_new() {
            Page::new("Add a connector")
        } else {
            Page::new("Edit the connector")
        };
        let page = page.below("Data connectors", "/connectors");
        let connector = self.action.trim_end_matches("/edit");
        let name = if draft.name().is_empty() {
            "Connector"
        } else {
            draft.name()
        };
        let page = if self.is_new() {
            page
        } else {
            page.below(name, connector)
        };
        page.show(&content)
    }

    fn onward(&self) -> &'static str {
        if self.step == Step::Review {
            "save"
        } else {
            "next"
        }
    }

    fn trail(&self) -> Markup {
        let is_done = |step: Step| {
            Step::ALL
                .iter()
                .take_while(|one| **one != self.step)
                .any(|one| *one == step)
        };
        html! {
            ol.steps aria-label="Steps" {
                @for step in Step::ALL {
                    li class=[is_done(step).then_some("done")] aria-current=[(step == self.step).then_some("step")] { (step.title()) }
                }
            }
        }
    }

    /// What is wrong, all of it, above the form: a screen reader begins there.
    fn said(&self) -> Markup {
        html! {
            @if let Some(version) = self.conflict {
                (layout::notice("bad", "Somebody else has changed this connector meanwhile", &html! {
                    p {
                        "Nothing was stored. It is at version " (version) " now: "
                        a href=(self.action.trim_end_matches("/edit")) target="_blank" rel="noopener" { "look at it in another tab" }
                        ", or " a href=(self.action) { "begin again with it" } "."
                    }
                }))
            }
            @if !self.problems.is_empty() {
                (layout::notice("bad", "Something is missing or wrong", &html! {
                    ul {
                        @for (field, problem) in self.problems.all() {
                            li { @if field.is_empty() { (problem) } @else { a href={ "#" (field) } { (field) } ": " (problem) } }
                        }
                    }
                }))
            }
        }
    }

    fn asked(&self, draft: &Draft, csv: Option<&str>) -> Markup {
        let problems = &self.problems;
        let table = &draft.table;
        match self.step {
            Step::Product => asked::product(),
            Step::Name => {
                let asked = if self.is_new() {
                    catalog::NAME
                } else {
                    &catalog::NAME[..2]
                };
                html! { section.card { h2 { "What it is called" } (inputs::show(asked, table, "", problems)) } }
            }
            Step::Sources => asked::sources(draft, problems),
            Step::Directory => html! {
                section.card { h2 { "Who is who" } (asked::one("directory", "Directory", DIRECTORIES, table, problems)) }
            },
            Step::Mapping => asked::mapping(draft, csv, problems),
            Step::Target => html! {
                section.card { h2 { "Where items go" } (asked::one("target", "Target", TARGETS, table, problems)) }
                section.card { h2 { "How items look" } (inputs::show(catalog::ITEM, table, "", problems)) }
            },
            Step::Schedule => html! {
                section.card {
                    h2 { "When it runs" }
                    div.field { label {
                        input type="checkbox" name="is_scheduled" value="true" checked[draft.is_scheduled];
                        "Run by itself, as this schedule says"
                    } }
                    (inputs::show(catalog::SCHEDULE, table, "", problems))
                }
                section.card { h2 { "Who is told" } (inputs::show(catalog::REPORT, table, "", problems)) }
            },
            Step::Review => asked::review(draft),
        }
    }

    fn buttons(&self) -> Markup {
        let test = match self.step {
            Step::Sources | Step::Directory | Step::Target => Some("Test connection"),
            Step::Mapping => Some("Preview who maps to whom"),
            _ => None,
        };
        html! {
            div.buttons {
                @match self.step {
                    Step::Product => button.primary type="submit" name="go" value="next" { "Accept and continue" },
                    Step::Review => button.primary type="submit" name="go" value="save" {
                        @if self.proposes { "Propose" } @else { "Save and finish" }
                    },
                    _ => button.primary type="submit" name="go" value="next" { "Next" },
                }
                @if self.step != Step::Product { button type="submit" name="go" value="back" { "Back" } }
                @if let Some(words) = test { button type="submit" name="go" value="test" { (words) } }
                a.button.end href=(self.action.trim_end_matches("/edit").trim_end_matches("/new")) { "Cancel" }
            }
        }
    }
}
