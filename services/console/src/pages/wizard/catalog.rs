//! What is asked of each type of source, directory and target (`docs/connector.md`).

mod databases;
mod directories;
mod targets;
mod tenant;
#[cfg(test)]
mod tests;

use toml::{Table, Value};

use super::field::{Field, Kind, Rank, put};

pub(super) use self::{directories::DIRECTORIES, targets::TARGETS};

use self::databases::{ARCHIVING_DATABASE, PERSISTENT_CHAT_DATABASE};

/// A type, what it is called, what it is, and what is asked of it.
pub(super) struct Type {
    /// As the connector file writes it.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// Keys that are the same in all of the type.
    fixed: &'static [(&'static str, &'static str)],
    pub(super) fields: &'static [Field],
}

impl Type {
    /// The type of a table; the first one when it has none that is known.
    pub(super) fn of<'a>(types: &'a [Self], table: &Table) -> &'a Self {
        let name = table.get("type").and_then(Value::as_str);
        let found = types.iter().find(|one| Some(one.name) == name);
        found.unwrap_or(&types[0])
    }

    /// A table of the type in which nothing is said.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        put(
            &mut table,
            "type",
            Some(Value::String(self.name.to_owned())),
        );
        for (key, value) in self.fixed {
            put(&mut table, key, Some(Value::String((*value).to_owned())));
        }
        table
    }
}

const fn field(key: &'static str, label: &'static str, kind: Kind, help: &'static str) -> Field {
    Field {
        key,
        label,
        help,
        default: "",
        kind,
        rank: Rank::Required,
    }
}

impl Field {
    /// It may be left empty; then it is this.
    const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self.rank = Rank::Optional;
        self
    }

    /// It is seldom touched; left empty it is this.
    const fn seldom(mut self, default: &'static str) -> Self {
        self.default = default;
        self.rank = Rank::Advanced;
        self
    }
}

const FROM: Field = field(
    "from",
    "From day",
    Kind::Day,
    "Only conversations from this UTC day on.",
)
.or("");
const TO: Field = field(
    "to",
    "Before day",
    Kind::Day,
    "Only conversations before this UTC day.",
)
.or("");
const QUIET: Field = field(
    "quiet",
    "Quiet",
    Kind::Time,
    "Scheduled runs leave younger files alone: they may still be written.",
)
.seldom("60s");

/// Types of sources.
pub(super) const SOURCES: &[Type] = &[
    Type {
        name: "archiving-export",
        title: "Archiving export",
        about: "A tree of .eml files, as Export-CsArchivingData writes them.",
        fixed: &[],
        fields: &[
            field(
                "path",
                "Folder",
                Kind::Path,
                "The export's folder as this server sees it.",
            ),
            FROM,
            TO,
            QUIET,
        ],
    },
    Type {
        name: "archiving-database",
        title: "Archiving database",
        about: "LcsLog on SQL Server: peer-to-peer sessions and conferences.",
        fixed: &[("auth.type", "sql")],
        fields: ARCHIVING_DATABASE,
    },
    Type {
        name: "persistent-chat-xml",
        title: "Persistent chat, XML",
        about: "The output folder of the compliance XmlAdapter.",
        fixed: &[],
        fields: &[
            field(
                "path",
                "Folder",
                Kind::Path,
                "The adapter's output folder as this server sees it.",
            ),
            FROM,
            TO,
            QUIET,
        ],
    },
    Type {
        name: "persistent-chat-database",
        title: "Persistent chat database",
        about: "mgc on SQL Server: chat rooms, without who came and went.",
        fixed: &[("auth.type", "sql")],
        fields: PERSISTENT_CHAT_DATABASE,
    },
];

/// What a connector is called.
pub(super) const NAME: &[Field] = &[
    field(
        "name",
        "Name",
        Kind::Text,
        "Unique. Reports and logs show it.",
    ),
    field(
        "domain",
        "Domain",
        Kind::Text,
        "Domain of the Message-IDs, e.g. contoso.com. Fixed once something was archived.",
    ),
    field(
        "id",
        "Id",
        Kind::Text,
        "Part of every item's identity, of a-z, 0-9 and -. Fixed once something was archived.",
    )
    .seldom("made from the name"),
];

/// What is left out.
pub(super) const EXCLUDE: &[Field] = &[field(
    "exclude",
    "Leave out",
    Kind::Rules,
    "One rule on each line: a name, a colon, an address with * and ?. Counted under its name in every report.",
)
.or("bots: *@apps.contoso.com")];

/// Who gets what.
pub(super) const MAPPING: &[Field] = &[
    field("mapping.automatic", "Map automatically", Kind::Flag, "By each participant's address, through the directory.").or("true"),
    field("mapping.domains", "Our domains", Kind::List, "Whose addresses are ours; everybody else is external. Left empty: the connector's domain.").or(""),
    field("mapping.unmapped", "Unknown users", Kind::Text, "hold: what is theirs waits until their mailbox is known. Or the address of a catch-all mailbox.").or("hold"),
    field("mapping.hold_for", "Wait at most", Kind::Time, "How long held deliveries wait before they fail.").seldom("forever"),
];

/// How items look.
pub(super) const ITEM: &[Field] = &[
    field(
        "item.time_zone",
        "Time zone",
        Kind::Text,
        "IANA name, for the times in transcripts.",
    )
    .or("UTC"),
    field(
        "item.json_record",
        "Attach the conversation as JSON",
        Kind::Flag,
        "Lossless, beside the readable transcript.",
    )
    .or("false"),
    field(
        "item.class",
        "Item class",
        Kind::Text,
        "Where the target can store one.",
    )
    .seldom("IPM.Note.SkypeForBusiness.Conversation"),
];

/// When runs start.
pub(super) const SCHEDULE: &[Field] = &[
    field(
        "schedule.every",
        "Every",
        Kind::Time,
        "Time between runs, at least a minute.",
    )
    .or("24h"),
    field(
        "schedule.at",
        "At",
        Kind::Text,
        "UTC time of day, HH:MM. With 6h and 01:00: 01:00, 07:00, 13:00, 19:00.",
    )
    .or("01:00"),
    field(
        "schedule.refresh",
        "Look for held users every",
        Kind::Time,
        "While deliveries are held, directory and mapping are read again so often.",
    )
    .seldom("1h"),
];

/// Who gets a mail about each run.
pub(super) const REPORT: &[Field] = &[
    field(
        "report.to",
        "Daily report",
        Kind::List,
        "Mail addresses. Each run's balance, exceptions in numbers and seal; no user is named and nothing is quoted.",
    )
    .or("compliance@contoso.com"),
    field(
        "report.when",
        "Send it",
        Kind::Choice(&[
            ("each run", "After each run"),
            ("problems only", "When somebody should look at something"),
        ]),
        "",
    )
    .or("each run"),
];
