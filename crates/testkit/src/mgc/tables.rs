use std::collections::{BTreeMap, BTreeSet};

/// A room of `tblNode`.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) guid: [u8; 16],
    pub(super) name: String,
}

/// A row of `tblPrincipal`.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) uri: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
}

/// A row of `tblChat` without its key.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    pub(super) ticks: i64,
    pub(super) user: i32,
    pub(super) content: String,
    pub(super) rtf: Option<String>,
}

/// All tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) nodes: BTreeMap<i32, Node>,
    pub(super) principals: BTreeMap<i32, Principal>,
    pub(super) chats: BTreeMap<(i32, i64), Chat>,
    /// `tblLastChatId`.
    pub(super) last: BTreeMap<i32, i64>,
    /// How often the database was created.
    pub(super) incarnation: i32,
    /// Columns that are not there.
    pub(super) lost: BTreeSet<(String, String)>,
}

/// The columns our statements may ask for, with their types (source: the published schema).
pub(super) const COLUMNS: [(&str, &[(&str, &str)]); 4] = [
    (
        "tblChat",
        &[
            ("channelId", "int"),
            ("chatId", "bigint"),
            ("chatDate", "bigint"),
            ("userId", "int"),
            ("isAlert", "bit"),
            ("content", "nvarchar"),
            ("rtf", "varchar"),
        ],
    ),
    (
        "tblNode",
        &[
            ("nodeID", "int"),
            ("nodeGuid", "uniqueidentifier"),
            ("parentID", "int"),
            ("nodeType", "bit"),
            ("nodeName", "nvarchar"),
        ],
    ),
    (
        "tblLastChatId",
        &[("nodeID", "int"), ("lastChatID", "bigint")],
    ),
    (
        "tblPrincipal",
        &[
            ("prinID", "int"),
            ("prinUri", "nvarchar"),
            ("prinName", "nvarchar"),
            ("prinDisplayName", "nvarchar"),
            ("prinEmail", "nvarchar"),
        ],
    ),
];

impl Tables {
    pub(super) fn next_node(&self) -> i32 {
        self.nodes
            .last_key_value()
            .map_or(300, |(last, _)| last + 1)
    }

    pub(super) fn next_chat(&mut self, room: i32) -> i64 {
        let last = self.last.entry(room).or_default();
        *last += 1;
        *last
    }
}

impl Node {
    pub(super) fn new(number: i32, name: &str) -> Self {
        Self {
            guid: guid(1, number),
            name: name.to_owned(),
        }
    }
}

impl Chat {
    pub(super) fn new(user: i32, ticks: i64, content: &str) -> Self {
        Self {
            ticks,
            user,
            content: content.to_owned(),
            rtf: None,
        }
    }
}

/// A GUID for the so-manieth of a kind.
pub(super) fn guid(kind: u8, number: i32) -> [u8; 16] {
    let mut guid = [0; 16];
    guid[0] = kind;
    guid[6] = 0x40;
    guid[8] = 0x80;
    guid[12..].copy_from_slice(&number.to_be_bytes());
    guid
}

/// A GUID as SQL Server shows it.
pub(super) fn guid_text(guid: &[u8; 16]) -> String {
    let hex: Vec<_> = guid.iter().map(|byte| format!("{byte:02X}")).collect();
    let groups = [&hex[..4], &hex[4..6], &hex[6..8], &hex[8..10], &hex[10..]];
    groups.map(<[String]>::concat).join("-")
}
