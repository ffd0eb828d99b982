//! A connector that is being made. It travels in the form: nothing of it is kept here.

use std::path::{Path, PathBuf};

use chatkeep_model::connector::{Connector, ConnectorError};
use maud::{Markup, html};
use toml::{Table, Value};
use tonic::Status;

use super::field::{get, put};
use crate::{pages::form::Fields, stored::Stored};

/// The connector file as far as it is known, and what goes with it.
#[derive(Debug)]
pub(super) struct Draft {
    /// The connector file; nothing needs to be right in it.
    pub(super) table: Table,
    /// The stored version that it replaces; 0 when the connector is new.
    pub(super) version: i64,
    pub(super) is_scheduled: bool,
}

/// Parts of a connector file that have nothing in common.
pub(super) const PARTS: [&str; 12] = [
    "name",
    "domain",
    "id",
    "sources",
    "exclude",
    "directory",
    "mapping",
    "target",
    "item",
    "schedule",
    "coverage",
    "report",
];

impl Draft {
    /// Of a new connector.
    pub(super) fn new() -> Self {
        Self {
            table: Table::new(),
            version: 0,
            is_scheduled: true,
        }
    }

    /// Of a stored one.
    pub(super) fn of(stored: &Stored) -> Result<Self, Status> {
        Ok(Self {
            table: parse(&stored.file)?,
            version: stored.summary.version,
            is_scheduled: stored.is_scheduled,
        })
    }

    /// What came back with a form.
    pub(super) fn read(fields: &Fields) -> Result<Self, Status> {
        Ok(Self {
            table: parse(fields.get("file"))?,
            version: fields.get("version").parse().unwrap_or(0),
            is_scheduled: fields.get("is_scheduled") == "true",
        })
    }

    /// What must come back with the form. `is_scheduled` is left out where the form asks for it.
    pub(super) fn hidden(&self, asks_schedule: bool) -> Markup {
        html! {
            input type="hidden" name="file" value=(self.table);
            input type="hidden" name="version" value=(self.version);
            @if !asks_schedule { input type="hidden" name="is_scheduled" value=(self.is_scheduled); }
        }
    }

    /// Its name, as far as it has one.
    pub(super) fn name(&self) -> &str {
        let name = self.table.get("name").and_then(Value::as_str);
        name.unwrap_or_default()
    }

    /// Its sources.
    pub(super) fn sources(&self) -> Vec<Table> {
        let sources = self.table.get("sources").and_then(Value::as_array);
        let tables = sources.into_iter().flatten().filter_map(Value::as_table);
        tables.cloned().collect()
    }

    pub(super) fn set_sources(&mut self, sources: Vec<Table>) {
        let sources: Vec<_> = sources.into_iter().map(Value::Table).collect();
        let sources = (!sources.is_empty()).then_some(Value::Array(sources));
        put(&mut self.table, "sources", sources);
    }

    /// The file of the custom mapping.
    pub(super) fn custom_mapping(&self) -> Option<PathBuf> {
        let file = get(&self.table, "mapping.custom")?;
        file.as_str().map(PathBuf::from)
    }

    pub(super) fn set_custom_mapping(&mut self, file: Option<&Path>) {
        let file = file.map(|file| Value::String(file.display().to_string()));
        put(&mut self.table, "mapping.custom", file);
    }

    /// The connector, if everything is right.
    pub(super) fn connector(&self) -> Result<Connector, ConnectorError> {
        Connector::parse(&self.table.to_string(), Path::new("/"))
    }

    /// A connector file of these parts; the others are such that nothing is wrong with them.
    pub(super) fn only(&self, parts: &[&str]) -> String {
        const OTHERS: &str = "name = \"Draft\"\ndomain = \"draft.example\"\n\
            [[sources]]\ntype = \"archiving-export\"\npath = \"/\"\n\
            [directory]\ntype = \"csv\"\npath = \"/\"\n[target]\ntype = \"discard\"\n";
        let mut table: Table = OTHERS.parse().unwrap_or_default();
        for part in parts {
            if let Some(value) = self.table.get(*part) {
                table.insert((*part).to_owned(), value.clone());
            }
        }
        table.to_string()
    }
}

fn parse(text: &str) -> Result<Table, Status> {
    // The program wrote it: whoever changed it on the way gets no better answer.
    let parsed = text.parse();
    parsed.map_err(|_| {
        Status::invalid_argument("The form's content was damaged on the way. Begin again.")
    })
}
