use crate::database::Table;

const NUMBERS: &[&str] = &["int", "bigint"];
const TEXTS: &[&str] = &["nvarchar", "ntext"];

/// What the database must have (source: the published schema). Everything else that is read is optional.
pub(super) const TABLES: [Table; 4] = [
    Table {
        name: "tblChat",
        columns: &[
            ("channelId", NUMBERS),
            ("chatId", NUMBERS),
            ("chatDate", &["bigint"]),
            ("userId", NUMBERS),
            ("content", TEXTS),
        ],
    },
    Table {
        name: "tblNode",
        columns: &[
            ("nodeID", NUMBERS),
            ("nodeGuid", &["uniqueidentifier"]),
            ("nodeName", TEXTS),
            ("nodeType", &[]),
        ],
    },
    Table {
        name: "tblLastChatId",
        columns: &[("nodeID", NUMBERS), ("lastChatID", NUMBERS)],
    },
    Table {
        name: "tblPrincipal",
        columns: &[("prinID", NUMBERS), ("prinUri", TEXTS)],
    },
];

/// What it may have.
pub(super) const OPTIONAL: [(&str, &str); 4] = [
    ("tblChat", "isAlert"),
    ("tblChat", "rtf"),
    ("tblPrincipal", "prinDisplayName"),
    ("tblPrincipal", "prinEmail"),
];
