use crate::{
    tds::{Column, Kind, Row},
    tsql::Table,
};

/// Tables and columns.
#[derive(Clone, Debug)]
pub(super) struct Schema(Vec<Described>);

#[derive(Clone, Debug)]
struct Described {
    name: &'static str,
    key: usize,
    /// All columns, those of the key first, and whether the table has them.
    columns: Vec<(Column, bool)>,
}

/// Where the URI of a conference stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `Conferences.ConferenceUriId` points to `ConferenceUris`, as in Lync 2010 and later.
    #[default]
    UriTable,
    /// `Conferences.ConferenceUri`, as in OCS 2007.
    UriColumn,
}

/// A table, of how many columns its key is, and all its columns.
type Definition = (&'static str, usize, &'static [(&'static str, Kind)]);

/// In the order in which the rows have their values.
const TABLES: [Definition; 8] = [
    (
        "Users",
        1,
        &[
            ("UserId", Kind::Int),
            ("UserUri", Kind::NVarChar(450)),
            ("TenantId", Kind::Int),
            ("UriTypeId", Kind::Int),
        ],
    ),
    (
        "ContentTypes",
        1,
        &[
            ("ContentTypeId", Kind::Int),
            ("ContentType", Kind::NVarChar(256)),
        ],
    ),
    (
        "Messages",
        2,
        &[
            ("MessageIdTime", Kind::DateTime),
            ("MessageIdSeq", Kind::Int),
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("FromId", Kind::Int),
            ("ToId", Kind::Int),
            ("ContentTypeId", Kind::Int),
            ("Body", Kind::NText),
            ("Toast", Kind::Bit),
            ("ContextNote", Kind::Bit),
            ("Subject", Kind::Bit),
        ],
    ),
    (
        "Dialogs",
        2,
        &[
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("ExternalChecksum", Kind::Int),
            ("ExternalId", Kind::VarBinary(775)),
        ],
    ),
    (
        "Conferences",
        2,
        &[
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("ConferenceStartTime", Kind::DateTime),
            ("ConferenceEndTime", Kind::DateTime),
            ("OrganizerId", Kind::Int),
            ("ConferenceUriId", Kind::Int),
            ("ConferenceUri", Kind::NVarChar(450)),
        ],
    ),
    (
        "ConferenceUris",
        1,
        &[
            ("ConferenceUriId", Kind::Int),
            ("ConferenceUri", Kind::NVarChar(450)),
            ("UriTypeId", Kind::Int),
        ],
    ),
    (
        "ConferenceMessages",
        2,
        &[
            ("Date", Kind::DateTime),
            ("MessageId", Kind::Int),
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
            ("FromId", Kind::Int),
            ("ContentTypeId", Kind::Int),
            ("Body", Kind::NText),
        ],
    ),
    (
        "ConferenceMessageRecipientList",
        2,
        &[
            ("MessageId", Kind::Int),
            ("UserId", Kind::Int),
            ("SessionIdTime", Kind::DateTime),
            ("SessionIdSeq", Kind::Int),
        ],
    ),
];

impl Schema {
    pub(super) fn of(layout: Layout) -> Self {
        let tables = TABLES.into_iter().map(|(name, key, columns)| {
            let columns = columns.iter();
            let columns = columns.map(|(name, kind)| (Column::new(name, *kind), true));
            Described {
                name,
                key,
                columns: columns.collect(),
            }
        });
        let mut schema = Self(tables.collect());
        match layout {
            Layout::UriTable => schema.drop_column("Conferences", "ConferenceUri"),
            Layout::UriColumn => {
                schema.drop_column("Conferences", "ConferenceUriId");
                schema.drop_table("ConferenceUris");
            }
        }
        schema
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|table| table.name).collect()
    }

    /// The name of a table as it is spelled here.
    pub(super) fn spell(&self, name: &str) -> Option<&'static str> {
        self.find(name).map(|table| table.name)
    }

    /// What a table has. Without all columns of its key it counts as not sorted.
    pub(super) fn describe(&self, name: &str) -> Option<Table> {
        let table = self.find(name)?;
        let mut key = table.columns.iter().take(table.key);
        let has_key = key.all(|(_, is_there)| *is_there);
        let columns = table.columns.iter().filter(|(_, is_there)| *is_there);
        let columns = columns.map(|(column, _)| column.clone());
        Some(Table {
            columns: columns.collect(),
            key: if has_key { table.key } else { 0 },
        })
    }

    /// A row of all columns without those that the table has not.
    pub(super) fn project(&self, name: &str, row: Row) -> Row {
        let Some(table) = self.find(name) else {
            return row;
        };
        if table.columns.iter().all(|(_, is_there)| *is_there) {
            return row;
        }
        let values = row.into_iter().zip(&table.columns);
        let values = values.filter(|(_, (_, is_there))| *is_there);
        values.map(|(value, _)| value).collect()
    }

    pub(super) fn drop_column(&mut self, table: &str, column: &str) {
        for (found, is_there) in self.columns(table) {
            *is_there &= found.name != column;
        }
    }

    pub(super) fn drop_table(&mut self, table: &str) {
        self.0.retain(|found| found.name != table);
    }

    pub(super) fn set_kind(&mut self, table: &str, column: &str, kind: Kind) {
        for (found, _) in self.columns(table) {
            if found.name == column {
                found.kind = kind;
            }
        }
    }

    fn columns(&mut self, table: &str) -> impl Iterator<Item = &mut (Column, bool)> {
        let tables = self.0.iter_mut().filter(move |found| found.name == table);
        tables.flat_map(|table| &mut table.columns)
    }

    fn find(&self, name: &str) -> Option<&Described> {
        self.0
            .iter()
            .find(|table| table.name.eq_ignore_ascii_case(name))
    }
}
