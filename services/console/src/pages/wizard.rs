//! The way to a connector: product, name, sources, directory, mapping, target, schedule, review. The same
//! pages change one that there is.

mod answers;
mod asked;
mod catalog;
mod draft;
mod field;
mod forecast;
mod inputs;
mod people;
mod problems;
mod save;
mod step;
mod steps;

use axum::{
    Extension,
    extract::{Path, State},
    http::Uri,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use toml::Value;

use self::{
    answers::Answers,
    catalog::{SOURCES, Type},
    draft::Draft,
    people::People,
    problems::Problems,
    step::Step,
    steps::View,
};
use super::{checks, form::Fields, proposals};
use crate::{Services, error::PageError, mappings::Mappings, stored::Stored};

/// `GET /connectors/new`.
pub(crate) async fn begin(Extension(mappings): Extension<Mappings>) -> Markup {
    let view = View::new(Step::Product, "/connectors/new");
    view.show(&Draft::new(), &mappings).await
}

/// `GET /connectors/{id}/edit`.
pub(crate) async fn edit(
    State(mut services): State<Services>,
    Extension(mappings): Extension<Mappings>,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Markup, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let mut draft = Draft::of(&stored)?;
    // Its name may change, what it is must not.
    draft.table.insert("id".to_owned(), Value::String(id));
    let view = View::new(Step::Name, uri.path());
    Ok(view.show(&draft, &mappings).await)
}

/// `POST` to either: takes what was entered, and goes where the button says.
pub(crate) async fn step(
    State(mut services): State<Services>,
    Extension(mappings): Extension<Mappings>,
    uri: Uri,
    fields: Fields,
) -> Result<Response, PageError> {
    let mut draft = Draft::read(&fields)?;
    let step = Step::titled(fields.get("step"));
    let Answers {
        mut problems,
        is_other_type,
    } = answers::take(step, &mut draft, &fields, &mappings).await?;
    let mut view = View::new(step, uri.path());
    match fields.get("go") {
        _ if is_other_type => {}
        "stay" => {}
        "back" => view.step = step.back(),
        "test" => view.below = test(step, &draft, &mut services, &mut problems).await?,
        "save" => {
            view.proposes = proposes(&draft, &mut services).await?;
            let beside = (&mappings, fields.get("reason"));
            return save::save(view, &draft, &mut services, beside).await;
        }
        go => match go.split_once(':') {
            Some(("add", kind)) => add_source(&mut draft, kind),
            Some(("remove", position)) => remove_source(&mut draft, position),
            Some(("to", title)) => view.step = Step::titled(title),
            _ => {
                answers::check(step, &draft, &mut problems, &mut services).await?;
                if problems.is_empty() {
                    view.step = step.next();
                }
            }
        },
    }
    if view.step == step && matches!(fields.get("go"), "next" | "test") {
        view.problems = problems;
    }
    if view.step == Step::Review {
        view.proposes = proposes(&draft, &mut services).await?;
        view.below = review(&draft, &mut services).await;
    }
    Ok(view.show(&draft, &mappings).await.into_response())
}

fn add_source(draft: &mut Draft, kind: &str) {
    let mut sources = draft.sources();
    if let Some(kind) = SOURCES.iter().find(|one| one.name == kind) {
        sources.push(kind.table());
    }
    draft.set_sources(sources);
}

fn remove_source(draft: &mut Draft, position: &str) {
    let mut sources = draft.sources();
    let position: usize = position.parse().unwrap_or(0);
    if (1..=sources.len()).contains(&position) {
        sources.remove(position - 1);
    }
    draft.set_sources(sources);
}

/// Whether what was entered has to be approved by somebody else.
async fn proposes(draft: &Draft, services: &mut Services) -> Result<bool, PageError> {
    if !proposals::summary(services).await?.is_required {
        return Ok(false);
    }
    match draft.connector() {
        Ok(connector) if draft.version > 0 => {
            let stored = Stored::get(services, &connector.id()).await?;
            Ok(!stored.connector.archives_like(&connector))
        }
        _ => Ok(true),
    }
}

/// Tries what the step is about, if what was entered can be tried.
async fn test(
    step: Step,
    draft: &Draft,
    services: &mut Services,
    problems: &mut Problems,
) -> Result<Markup, PageError> {
    answers::check(step, draft, problems, services).await?;
    if !problems.is_empty() {
        return Ok(html! {});
    }
    let file = draft.only(step.parts());
    Ok(match step {
        Step::Sources => card(&checks::sources(services, &file, 0).await),
        Step::Directory => card(&checks::directory(services, &file).await.shown),
        Step::Target => {
            let file = draft.only(&["directory", "target", "item"]);
            let sample = checks::directory(services, &file).await.sample_mailbox;
            card(&checks::target(services, &file, &sample).await.shown)
        }
        _ => people(draft, services, false).await.everybody(),
    })
}

fn card(shown: &Markup) -> Markup {
    html! { section.card aria-labelledby="tested" role="status" { h2 #tested { "Tested" } (shown) } }
}

async fn people(draft: &Draft, services: &mut Services, count: bool) -> People {
    let file = draft.only(&[
        "name",
        "domain",
        "sources",
        "exclude",
        "directory",
        "mapping",
    ]);
    let sources = u32::try_from(draft.sources().len()).unwrap_or(u32::MAX);
    people::look(services, &file, sources, count).await
}

/// What the connector would do, and whether it could.
async fn review(draft: &Draft, services: &mut Services) -> Markup {
    let file = draft.table.to_string();
    let sources = checks::sources(services, &file, 0).await;
    let directory = checks::directory(services, &file).await;
    let target = checks::target(services, &file, &directory.sample_mailbox).await;
    let people = people(draft, services, true).await;
    let forecast = forecast::card(services, draft, &people).await;
    html! {
        (forecast)
        section.card aria-labelledby="tests" {
            h2 #tests { "Connections" }
            h3 { "Sources" } (sources)
            h3 { "Directory" } (directory.shown)
            h3 { "Target" } (target.shown)
        }
        (people.in_short())
    }
}

/// What a type of source is called.
fn source_title(table: &toml::Table) -> &'static str {
    Type::of(SOURCES, table).title
}
