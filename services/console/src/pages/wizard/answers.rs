//! What a step's form brings, made part of the draft.

use std::collections::BTreeSet;

use chatkeep_proto::v1::ListConnectorsRequest;
use toml::{Table, Value};
use tonic::{Code, Status};

use super::{
    catalog::{self, DIRECTORIES, SOURCES, TARGETS, Type},
    draft::Draft,
    inputs,
    problems::{Problems, sentence},
    step::Step,
};
use crate::{
    Services,
    mappings::{Mappings, people},
    pages::form::Fields,
};

/// What came of a form.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) problems: Problems,
    /// Another type was chosen: its fields were not asked yet.
    pub(super) is_other_type: bool,
}

/// Takes over what was entered, right or wrong.
pub(super) async fn take(
    step: Step,
    draft: &mut Draft,
    fields: &Fields,
    mappings: &Mappings,
) -> Result<Answers, Status> {
    let mut answers = Answers::default();
    let problems = &mut answers.problems;
    let table = &mut draft.table;
    match step {
        Step::Product | Step::Review => {}
        Step::Name => inputs::read(catalog::NAME, table, "", fields, problems),
        Step::Sources => {
            inputs::read(catalog::EXCLUDE, table, "", fields, problems);
            sources(draft, fields, problems);
        }
        Step::Directory => {
            answers.is_other_type = one("directory", DIRECTORIES, table, fields, problems);
        }
        Step::Mapping => {
            inputs::read(catalog::MAPPING, table, "", fields, problems);
            custom(draft, fields, mappings).await?;
        }
        Step::Target => {
            inputs::read(catalog::ITEM, table, "", fields, problems);
            answers.is_other_type = one("target", TARGETS, table, fields, problems);
        }
        Step::Schedule => {
            inputs::read(catalog::SCHEDULE, table, "", fields, problems);
            inputs::read(catalog::REPORT, table, "", fields, problems);
            draft.is_scheduled = fields.get("is_scheduled") == "true";
        }
    }
    Ok(answers)
}

fn sources(draft: &mut Draft, fields: &Fields, problems: &mut Problems) {
    let mut sources = draft.sources();
    for (table, position) in sources.iter_mut().zip(1..) {
        let prefix = format!("sources.{position}");
        inputs::read(
            Type::of(SOURCES, table).fields,
            table,
            &prefix,
            fields,
            problems,
        );
    }
    draft.set_sources(sources);
}

/// Fields of the type that was shown, or an empty table of another one that was chosen. True for the latter.
fn one(
    part: &str,
    types: &[Type],
    whole: &mut Table,
    fields: &Fields,
    problems: &mut Problems,
) -> bool {
    let table = whole.get(part).and_then(Value::as_table).cloned();
    let mut table = table.unwrap_or_else(|| types[0].table());
    let shown = Type::of(types, &table);
    let choice = fields.get(&format!("{part}.choice"));
    let chosen = types.iter().find(|one| one.name == choice).unwrap_or(shown);
    let is_other = chosen.name != shown.name;
    if is_other {
        table = chosen.table();
    } else {
        inputs::read(shown.fields, &mut table, part, fields, problems);
    }
    whole.insert(part.to_owned(), Value::Table(table));
    is_other
}

/// The custom mapping as it was entered. Where it is a file that is kept elsewhere, and nothing was
/// entered, it stays that.
async fn custom(draft: &mut Draft, fields: &Fields, mappings: &Mappings) -> Result<(), Status> {
    let csv = fields.get("csv");
    if !csv.is_empty() {
        let csv = csv.replace("\r\n", "\n") + "\n";
        let file = mappings.store(&csv).await?;
        draft.set_custom_mapping(Some(&file));
    } else if draft
        .custom_mapping()
        .is_some_and(|file| mappings.has(&file))
        || fields.has("forget")
    {
        draft.set_custom_mapping(None);
    }
    Ok(())
}

/// Looks for what is wrong beyond single fields. A service that is away is no problem of the form.
pub(super) async fn check(
    step: Step,
    draft: &Draft,
    problems: &mut Problems,
    services: &mut Services,
) -> Result<(), Status> {
    problems.check(&draft.only(step.parts()));
    match step {
        Step::Sources if draft.sources().is_empty() => problems.add("", "Add at least one source."),
        Step::Name if problems.is_empty() => unique(draft, problems, services).await?,
        Step::Mapping if problems.is_empty() => readable(draft, problems, services).await,
        _ => {}
    }
    Ok(())
}

async fn unique(
    draft: &Draft,
    problems: &mut Problems,
    services: &mut Services,
) -> Result<(), Status> {
    let request = ListConnectorsRequest { deleted: false };
    let all = services
        .control
        .list_connectors(request)
        .await?
        .into_inner();
    let id = draft.table.get("id").and_then(Value::as_str);
    let own = id.map_or_else(
        || chatkeep_model::identity::connector_id(draft.name()),
        str::to_owned,
    );
    let is_new = draft.version == 0;
    for other in all.connectors {
        if other.name == draft.name() && (is_new || other.connector != own) {
            problems.add("name", "Another connector has this name.");
        } else if is_new && other.connector == own {
            problems.add("id", format!("The connector {} has this id.", other.name));
        }
    }
    Ok(())
}

/// Whether the custom mapping can be read: its wrong lines are named.
async fn readable(draft: &Draft, problems: &mut Problems, services: &mut Services) {
    let Some(file) = draft.custom_mapping() else {
        return;
    };
    let parts = draft.only(&["name", "domain", "directory", "mapping"]);
    let read = people::resolve(services, &parts, None, BTreeSet::new()).await;
    if let Err(status) = read
        && status.code() == Code::FailedPrecondition
        && status.message().contains(&*file.display().to_string())
    {
        let words = status
            .message()
            .replace(&*file.display().to_string(), "the mapping");
        problems.add("csv", sentence(&words));
    }
}
