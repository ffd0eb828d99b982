//! What the pages of the way ask for.

use chatkeep_model::connector::Connector;
use maud::{Markup, html};
use toml::{Table, Value};

use super::{
    catalog::{self, SOURCES, Type},
    draft::Draft,
    inputs,
    problems::Problems,
    source_title,
    step::Step,
};
use crate::{mappings::HEADER, pages::connector::properties};

pub(super) fn product() -> Markup {
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

pub(super) fn sources(draft: &Draft, problems: &Problems) -> Markup {
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
pub(super) fn one(
    part: &str,
    legend: &str,
    types: &[Type],
    whole: &Table,
    problems: &Problems,
) -> Markup {
    let table = whole.get(part).and_then(Value::as_table).cloned();
    let table = table.unwrap_or_else(|| types[0].table());
    html! {
        (inputs::types(types, &table, part, legend))
        (inputs::show(Type::of(types, &table).fields, &table, part, problems))
    }
}

pub(super) fn mapping(draft: &Draft, csv: Option<&str>, problems: &Problems) -> Markup {
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

/// All that was entered, and the way back to each step.
pub(super) fn review(draft: &Draft) -> Markup {
    let connector = draft.connector().ok();
    let file = connector
        .as_ref()
        .and_then(|connector| connector.to_toml().ok());
    let file = file.unwrap_or_else(|| draft.table.to_string());
    html! {
        section.card aria-labelledby="review" {
            h2 #review { "Review" }
            @match &connector {
                Some(connector) => (settings(draft, connector)),
                None => dl { (line(Step::Name, &html! { (draft.name()) })) },
            }
            details { summary { "Connector file" } pre tabindex="0" { (file) } }
        }
    }
}

fn settings(draft: &Draft, connector: &Connector) -> Markup {
    let rules = connector.exclude.len();
    html! {
        dl.review {
            (line(Step::Name, &html! { (connector.name) div.small.soft { "Domain " (connector.domain) } }))
            (line(Step::Sources, &html! {
                @for source in &connector.sources {
                    div { (properties::source_name(source)) div.small.soft { (properties::place(source)) } }
                }
                @if rules > 0 { div.small.soft { (rules) @if rules == 1 { " exclusion" } @else { " exclusions" } } }
            }))
            (line(Step::Directory, &properties::directory(&connector.directory)))
            (line(Step::Mapping, &properties::mapping(connector)))
            (line(Step::Target, &properties::target(&connector.target)))
            (line(Step::Schedule, &html! {
                @if draft.is_scheduled { (properties::when(&connector.schedule)) } @else { "by hand only" }
            }))
        }
    }
}

fn line(step: Step, value: &Markup) -> Markup {
    html! {
        dt {
            (step.title()) " "
            button.link.small type="submit" name="go" value={ "to:" (step.title()) } { "Change" span.unseen { " " (step.title()) } }
        }
        dd { (value) }
    }
}
