//! The pages of the way.

use maud::{Markup, html};
use toml::{Table, Value};

use super::{
    catalog::{self, DIRECTORIES, SOURCES, TARGETS, Type},
    draft::Draft,
    inputs,
    problems::Problems,
    source_title,
    step::Step,
};
use crate::pages::{
    form,
    layout::{self, Page},
    mappings::{HEADER, Mappings},
};

/// What is shown of a step beside the draft.
pub(super) struct View {
    pub(super) step: Step,
    pub(super) problems: Problems,
    /// What was found out.
    pub(super) below: Markup,
    /// The version that somebody else has stored meanwhile.
    pub(super) conflict: Option<i64>,
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
            (self.buttons())
        };
        let content = html! {
            (self.trail())
            (self.said())
            (form::entry(&self.action, &fields))
            (self.below)
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
            Step::Product => product(),
            Step::Name => {
                let asked = if self.is_new() {
                    catalog::NAME
                } else {
                    &catalog::NAME[..2]
                };
                html! { section.card { h2 { "What it is called" } (inputs::show(asked, table, "", problems)) } }
            }
            Step::Sources => sources(draft, problems),
            Step::Directory => html! {
                section.card { h2 { "Who is who" } (one("directory", "Directory", DIRECTORIES, table, problems)) }
            },
            Step::Mapping => mapping(draft, csv, problems),
            Step::Target => html! {
                section.card { h2 { "Where items go" } (one("target", "Target", TARGETS, table, problems)) }
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
            },
            Step::Review => review(draft),
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
                    Step::Review => button.primary type="submit" name="go" value="save" { "Save and finish" },
                    _ => button.primary type="submit" name="go" value="next" { "Next" },
                }
                @if self.step != Step::Product { button type="submit" name="go" value="back" { "Back" } }
                @if let Some(words) = test { button type="submit" name="go" value="test" { (words) } }
                a.button.end href=(self.action.trim_end_matches("/edit").trim_end_matches("/new")) { "Cancel" }
            }
        }
    }
}

fn product() -> Markup {
    html! {
        section.card {
            h2 { "Skype for Business" }
            p {
                "Reads peer-to-peer conversations, conferences and persistent chat rooms of Skype for Business Server, and of "
                "Lync Server before it, and puts each as an e-mail message into the folder Skype for Business of everybody "
                "who took part. What was read and what became of it is counted, and every run ends with a balance that closes, or shows where it does not."
            }
            h3 { "Before you begin" }
            ul {
                li { "The export folder, or a login that may read the database." }
                li { "A directory of your users: a CSV file, Active Directory or Microsoft 365." }
                li { "A place for the messages: Exchange Online, Exchange Server, IMAP or Maildir." }
            }
            h3 { "Terms" }
            ul {
                li { "You may archive these conversations: law, works council and policy allow it." }
                li { "Archived messages are personal data. They stay in the mailboxes, under your retention policies, when the connector is deleted." }
                li { "Chatkeep is open-source software under the Apache License 2.0, without warranty." }
            }
        }
    }
}

fn sources(draft: &Draft, problems: &Problems) -> Markup {
    let sources = draft.sources();
    html! {
        @for (table, position) in sources.iter().zip(1..) {
            @let prefix = format!("sources.{position}");
            section.card aria-labelledby={ (prefix) ".title" } {
                div.head {
                    h2 id={ (prefix) ".title" } { (position) ". " (source_title(table)) }
                    button.link type="submit" name="go" value={ "remove:" (position) } { "Remove" span.unseen { " source " (position) } }
                }
                p.soft { (Type::of(SOURCES, table).about) }
                (inputs::show(Type::of(SOURCES, table).fields, table, &prefix, problems))
            }
        }
        section.card {
            h2 { @if sources.is_empty() { "Where conversations come from" } @else { "Add another source" } }
            p.soft { "Several of one type are several pools. Sources of different types must not cover the same days." }
            div.actions { @for one in SOURCES { button type="submit" name="go" value={ "add:" (one.name) } { (one.title) } } }
        }
        section.card { h2 { "Exclusions" } (inputs::show(catalog::EXCLUDE, &draft.table, "", problems)) }
    }
}

/// A choice of type, and the chosen type's fields.
fn one(part: &str, legend: &str, types: &[Type], whole: &Table, problems: &Problems) -> Markup {
    let table = whole.get(part).and_then(Value::as_table).cloned();
    let table = table.unwrap_or_else(|| types[0].table());
    html! {
        (inputs::types(types, &table, part, legend))
        (inputs::show(Type::of(types, &table).fields, &table, part, problems))
    }
}

fn mapping(draft: &Draft, csv: Option<&str>, problems: &Problems) -> Markup {
    let elsewhere = draft.custom_mapping().filter(|_| csv.is_none());
    let problem = problems.of("csv");
    html! {
        section.card { h2 { "Who gets what" } (inputs::show(catalog::MAPPING, &draft.table, "", problems)) }
        section.card {
            h2 { "Custom mapping" }
            p.soft { "Lines of " code { (HEADER) } ". They win over the automatic mapping." }
            @if let Some(file) = &elsewhere {
                p { "It is the file " code { (file.display()) } " now. What you enter here takes its place." }
                div.field { label { input type="checkbox" name="forget" value="true"; "Use no custom mapping any more" } }
            }
            div.field {
                label for="csv-file" { "Read a CSV file into the field below" }
                input #csv-file type="file" accept=".csv,text/csv" data-into="csv";
            }
            div.field {
                label for="csv" { "CSV" span.faint { " (optional)" } }
                textarea.code #csv name="csv" rows="8" spellcheck="false" placeholder={ (HEADER) "\nservicedesk@contoso.com,support@contoso.com" }
                    aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "csv-wrong")] { (csv.unwrap_or_default()) }
                @if let Some(problem) = problem { p.error #csv-wrong { (problem) } }
            }
        }
    }
}

fn review(draft: &Draft) -> Markup {
    let file = draft
        .connector()
        .ok()
        .and_then(|connector| connector.to_toml().ok());
    let file = file.unwrap_or_else(|| draft.table.to_string());
    html! {
        section.card {
            h2 { "Review" }
            dl {
                dt { "Name" } dd { (draft.name()) }
                dt { "Sources" } dd { @for table in draft.sources() { div { (source_title(&table)) } } }
                dt { "Runs" } dd { @if draft.is_scheduled { "by itself, as scheduled" } @else { "by hand only" } }
            }
            details { summary { "Connector file" } pre tabindex="0" { (file) } }
        }
    }
}
