use std::collections::{BTreeMap, BTreeSet};

use crate::{
    tds::{Column, DateTime, Kind, Row, Value},
    tsql::{Table, Tables},
};

/// A row of `tblNode`.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) guid: [u8; 16],
    pub(super) name: String,
    /// `nodeType`.
    pub(super) is_category: bool,
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
    pub(super) is_alert: bool,
    /// UTF-16, whatever it holds.
    pub(super) content: Vec<u16>,
    pub(super) rtf: Option<String>,
}

/// All tables.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) nodes: BTreeMap<i32, Node>,
    pub(super) principals: BTreeMap<i32, Principal>,
    pub(super) chats: BTreeMap<(i32, i64), Chat>,
    /// `tblLastChatId`.
    pub(super) last: BTreeMap<i32, i64>,
    /// How often the database was made anew.
    pub(super) incarnation: i32,
    /// Columns that are not there, with their tables.
    pub(super) dropped: BTreeSet<(String, String)>,
}

/// The root of all nodes is a category, and its own parent.
impl Default for Store {
    fn default() -> Self {
        let root = Node {
            guid: guid(1, 1),
            name: "Root".to_owned(),
            is_category: true,
        };
        Self {
            nodes: BTreeMap::from([(1, root)]),
            principals: BTreeMap::new(),
            chats: BTreeMap::new(),
            last: BTreeMap::new(),
            incarnation: 0,
            dropped: BTreeSet::new(),
        }
    }
}

/// A table: its name, how many columns its key has, and all columns, those of the key first.
type Described = (&'static str, usize, &'static [(&'static str, Kind)]);

const TABLES: [Described; 4] = [
    (
        "tblChat",
        2,
        &[
            ("channelId", Kind::Int),
            ("chatId", Kind::BigInt),
            ("chatDate", Kind::BigInt),
            ("userId", Kind::Int),
            ("isAlert", Kind::Bit),
            ("content", Kind::NVarCharMax),
            ("rtf", Kind::NVarCharMax),
        ],
    ),
    (
        "tblNode",
        1,
        &[
            ("nodeID", Kind::Int),
            ("nodeGuid", Kind::Guid),
            ("parentID", Kind::Int),
            ("nodeType", Kind::Bit),
            ("nodeName", Kind::NVarChar(256)),
        ],
    ),
    (
        "tblLastChatId",
        1,
        &[("nodeID", Kind::Int), ("lastChatID", Kind::BigInt)],
    ),
    (
        "tblPrincipal",
        1,
        &[
            ("prinID", Kind::Int),
            ("prinUri", Kind::NVarChar(256)),
            ("prinDisplayName", Kind::NVarChar(256)),
            ("prinEmail", Kind::NVarChar(256)),
        ],
    ),
];

impl Store {
    pub(super) fn next_node(&self) -> i32 {
        let last = self.nodes.last_key_value();
        last.map_or(300, |(last, _)| (last + 1).max(300))
    }

    pub(super) fn next_chat(&mut self, room: i32) -> i64 {
        let last = self.last.entry(room).or_default();
        *last += 1;
        *last
    }

    fn rows(&self, table: &str, low: i32, high: i32) -> Vec<Row> {
        let has = |id: &i32| (low..=high).contains(id);
        match table {
            "tblChat" => {
                let chats = self.chats.range((low, i64::MIN)..=(high, i64::MAX));
                chats
                    .map(|((room, id), chat)| chat.row(*room, *id))
                    .collect()
            }
            "tblNode" => {
                let nodes = self.nodes.iter().filter(|(id, _)| has(id));
                nodes.map(|(id, node)| node.row(*id)).collect()
            }
            "tblLastChatId" => {
                let rooms = self.last.iter().filter(|(id, _)| has(id));
                rooms
                    .map(|(id, last)| vec![Value::Int(*id), Value::BigInt(*last)])
                    .collect()
            }
            _ => {
                let principals = self.principals.iter().filter(|(id, _)| has(id));
                principals
                    .map(|(id, principal)| principal.row(*id))
                    .collect()
            }
        }
    }

    /// Which columns of a table are there.
    fn is_there(&self, table: &str) -> impl Fn(&str) -> bool {
        let dropped = self.dropped.iter().filter(|(of, _)| of == table);
        let dropped: Vec<String> = dropped.map(|(_, column)| column.clone()).collect();
        move |column| !dropped.iter().any(|dropped| dropped == column)
    }
}

fn find(table: &str) -> Option<&'static Described> {
    let mut tables = TABLES.iter();
    tables.find(|(name, _, _)| name.eq_ignore_ascii_case(table))
}

impl Tables for Store {
    fn names(&self) -> Vec<&str> {
        TABLES.iter().map(|(name, _, _)| *name).collect()
    }

    fn describe(&self, table: &str) -> Option<Table> {
        let (name, key, columns) = find(table)?;
        let is_there = self.is_there(name);
        let is_whole = columns[..*key].iter().all(|(column, _)| is_there(column));
        let columns = columns.iter().filter(|(column, _)| is_there(column));
        Some(Table {
            columns: columns
                .map(|(name, kind)| Column::new(name, *kind))
                .collect(),
            key: if is_whole { *key } else { 0 },
        })
    }

    fn scan<'a>(
        &'a self,
        table: &str,
        low: Option<&Value>,
        high: Option<&Value>,
    ) -> Box<dyn Iterator<Item = Row> + 'a> {
        let Some((name, _, columns)) = find(table) else {
            return Box::new(std::iter::empty());
        };
        let rows = self.rows(name, number(low, i32::MIN), number(high, i32::MAX));
        let is_there = self.is_there(name);
        let project = move |row: Row| {
            let cells = row.into_iter().zip(*columns);
            let cells = cells.filter(|(_, (column, _))| is_there(column));
            cells.map(|(value, _)| value).collect()
        };
        Box::new(rows.into_iter().map(project))
    }

    fn last(&self, table: &str) -> Option<Row> {
        self.scan(table, None, None).last()
    }

    fn now(&self) -> DateTime {
        DateTime::from_unix_milliseconds(1_800_000_000_000)
    }
}

fn number(bound: Option<&Value>, otherwise: i32) -> i32 {
    match bound {
        Some(Value::Int(number)) => *number,
        Some(Value::BigInt(number)) => {
            let number = (*number).clamp(i32::MIN.into(), i32::MAX.into());
            i32::try_from(number).unwrap_or(otherwise)
        }
        _ => otherwise,
    }
}

impl Node {
    pub(super) fn room(number: i32, name: &str) -> Self {
        Self {
            guid: guid(2, number),
            name: name.to_owned(),
            is_category: false,
        }
    }

    fn row(&self, id: i32) -> Row {
        vec![
            Value::Int(id),
            Value::Guid(self.guid),
            Value::Int(1),
            Value::Bit(self.is_category),
            Value::Text(self.name.clone()),
        ]
    }
}

impl Principal {
    fn row(&self, id: i32) -> Row {
        let email = self.email.clone();
        vec![
            Value::Int(id),
            Value::Text(self.uri.clone()),
            Value::Text(self.name.clone()),
            email.map_or(Value::Null, Value::Text),
        ]
    }
}

impl Chat {
    pub(super) fn new(user: i32, ticks: i64, content: &str) -> Self {
        Self {
            ticks,
            user,
            is_alert: false,
            content: content.encode_utf16().collect(),
            rtf: None,
        }
    }

    fn row(&self, room: i32, id: i64) -> Row {
        let content = self.content.iter().flat_map(|unit| unit.to_le_bytes());
        vec![
            Value::Int(room),
            Value::BigInt(id),
            Value::BigInt(self.ticks),
            Value::Int(self.user),
            Value::Bit(self.is_alert),
            Value::Bytes(content.collect()),
            self.rtf.clone().map_or(Value::Null, Value::Text),
        ]
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
