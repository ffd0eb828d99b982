//! An archiving database: what its tables hold, and the answers to the statements that chatkeep asks.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard},
};

use chatkeep_testkit::tds::{Answer, Column, Database, DateTime, Kind, Request, Row, Value};

/// `SessionIdTime` and `SessionIdSeq`.
pub(crate) type Session = (DateTime, i32);

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) session: Session,
    pub(crate) from: i32,
    pub(crate) to: Vec<i32>,
    pub(crate) content_type: i32,
    pub(crate) body: Vec<u8>,
    pub(crate) is_toast: bool,
}

/// The tables.
pub(crate) struct Tables {
    pub(crate) guid: u8,
    pub(crate) users: Vec<String>,
    pub(crate) messages: BTreeMap<(DateTime, i64), Message>,
    pub(crate) conference_messages: BTreeMap<(DateTime, i64), Message>,
    /// URI and organizer.
    pub(crate) conferences: HashMap<Session, (String, i32)>,
    /// Columns that are gone.
    pub(crate) dropped: Vec<(&'static str, &'static str)>,
    /// Rows that are committed when a page is asked for the so-manieth time.
    pub(crate) late: Vec<(usize, (DateTime, i64), Message)>,
    /// Statements, by name, in the order in which they were asked.
    pub(crate) asked: Vec<String>,
}

/// A database that a server serves.
pub(crate) struct LcsLog(Mutex<Tables>);

const COLUMNS: [(&str, &[(&str, &str)]); 7] = [
    ("Users", &[("UserId", "int"), ("UserUri", "nvarchar")]),
    (
        "ContentTypes",
        &[("ContentTypeId", "int"), ("ContentType", "nvarchar")],
    ),
    (
        "Messages",
        &[
            ("MessageIdTime", "datetime"),
            ("MessageIdSeq", "int"),
            ("SessionIdTime", "datetime"),
            ("SessionIdSeq", "int"),
            ("FromId", "int"),
            ("ToId", "int"),
            ("ContentTypeId", "int"),
            ("Body", "ntext"),
            ("Toast", "bit"),
        ],
    ),
    (
        "ConferenceMessages",
        &[
            ("MessageId", "int"),
            ("Date", "datetime"),
            ("SessionIdTime", "datetime"),
            ("SessionIdSeq", "int"),
            ("FromId", "int"),
            ("ContentTypeId", "int"),
            ("Body", "ntext"),
        ],
    ),
    (
        "ConferenceMessageRecipientList",
        &[
            ("MessageId", "int"),
            ("UserId", "int"),
            ("SessionIdTime", "datetime"),
        ],
    ),
    (
        "Conferences",
        &[
            ("SessionIdTime", "datetime"),
            ("SessionIdSeq", "int"),
            ("ConferenceUriId", "int"),
            ("OrganizerId", "int"),
        ],
    ),
    (
        "ConferenceUris",
        &[("ConferenceUriId", "int"), ("ConferenceUri", "nvarchar")],
    ),
];

const PAGE: [(&str, Kind); 8] = [
    ("Time", Kind::DateTime),
    ("Number", Kind::Int),
    ("SessionIdTime", Kind::DateTime),
    ("SessionIdSeq", Kind::Int),
    ("FromId", Kind::Int),
    ("FromUri", Kind::NVarChar(450)),
    ("ContentType", Kind::NVarChar(256)),
    ("Body", Kind::VarBinaryMax),
];

impl LcsLog {
    pub(crate) fn new(guid: u8) -> Self {
        Self(Mutex::new(Tables {
            guid,
            users: Vec::new(),
            messages: BTreeMap::new(),
            conference_messages: BTreeMap::new(),
            conferences: HashMap::new(),
            dropped: Vec::new(),
            late: Vec::new(),
            asked: Vec::new(),
        }))
    }

    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap()
    }
}

impl Tables {
    /// `UserId` of an address.
    pub(crate) fn user(&mut self, uri: &str) -> i32 {
        let known = self.users.iter().position(|user| user == uri);
        let position = known.unwrap_or_else(|| {
            self.users.push(uri.to_owned());
            self.users.len() - 1
        });
        i32::try_from(position).unwrap() + 1
    }

    fn uri(&self, user: i32) -> Value {
        let user = usize::try_from(user - 1).unwrap();
        let uri = self.users.get(user).filter(|uri| !uri.is_empty());
        uri.map_or(Value::Null, |uri| Value::Text(uri.clone()))
    }

    fn head(&self, (time, number): (DateTime, i64), message: &Message) -> Row {
        let content_type = match message.content_type {
            1 => Value::Text("text/plain".to_owned()),
            2 => Value::Text("text/rtf".to_owned()),
            _ => Value::Null,
        };
        vec![
            Value::DateTime(time),
            Value::BigInt(number),
            Value::DateTime(message.session.0),
            Value::Int(message.session.1),
            Value::Int(message.from),
            self.uri(message.from),
            content_type,
            Value::Bytes(message.body.clone()),
        ]
    }

    fn messages(&mut self, parameters: &[Value]) -> Answer {
        let time = self.asked.iter().filter(|name| *name == "messages").count();
        let (now, later) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|late| late.0 <= time);
        self.late = later;
        let now: Vec<(usize, (DateTime, i64), Message)> = now;
        self.messages
            .extend(now.into_iter().map(|(_, key, message)| (key, message)));
        let page = page(&self.messages, parameters).into_iter();
        let rows: Vec<_> = page
            .map(|(key, message)| {
                let mut row = self.head(key, message);
                row.push(Value::Int(message.to[0]));
                row.push(self.uri(message.to[0]));
                row.push(Value::Int(message.is_toast.into()));
                row
            })
            .collect();
        let more = [
            ("ToId", Kind::Int),
            ("ToUri", Kind::NVarChar(450)),
            ("Toast", Kind::Int),
        ];
        Answer::rows(columns(&[&PAGE[..], &more].concat()), rows)
    }

    fn conference_messages(&self, parameters: &[Value]) -> Answer {
        let page = page(&self.conference_messages, parameters).into_iter();
        let rows: Vec<_> = page
            .map(|(key, message)| {
                let mut row = self.head(key, message);
                match self.conferences.get(&message.session) {
                    Some((uri, organizer)) => {
                        row.extend([Value::Text(uri.clone()), self.uri(*organizer)]);
                    }
                    None => row.extend([Value::Null, Value::Null]),
                }
                row
            })
            .collect();
        let more = [
            ("ConferenceUri", Kind::NVarChar(450)),
            ("OrganizerUri", Kind::NVarChar(450)),
        ];
        Answer::rows(columns(&[&PAGE[..], &more].concat()), rows)
    }

    fn recipients(&self, parameters: &[Value]) -> Answer {
        let wanted: Vec<_> = parameters.iter().map(number).collect();
        let messages = self.conference_messages.iter();
        let messages = messages.filter(|((_, number), _)| wanted.contains(number));
        let rows: Vec<_> = messages
            .flat_map(|((_, number), message)| {
                message.to.iter().map(|user| {
                    vec![
                        Value::BigInt(*number),
                        Value::DateTime(message.session.0),
                        Value::Int(*user),
                        self.uri(*user),
                    ]
                })
            })
            .collect();
        let kinds = [
            ("MessageId", Kind::Int),
            ("SessionIdTime", Kind::DateTime),
            ("UserId", Kind::Int),
            ("UserUri", Kind::NVarChar(450)),
        ];
        Answer::rows(columns(&kinds), rows)
    }

    fn identity(&self) -> Answer {
        let far = DateTime {
            days: 60_000,
            ticks: 0,
        };
        let row = vec![
            Value::Guid([self.guid; 16]),
            Value::DateTime(DateTime::default()),
            Value::DateTime(far),
        ];
        let kinds = [
            ("service_broker_guid", Kind::Guid),
            ("create_date", Kind::DateTime),
            ("now", Kind::DateTime),
        ];
        Answer::rows(columns(&kinds), [row])
    }

    fn schema(&self) -> Answer {
        let all = COLUMNS.iter().flat_map(|(table, columns)| {
            let columns = columns.iter();
            columns.map(|(column, kind)| (*table, *column, *kind))
        });
        let there = all.filter(|(table, column, _)| !self.dropped.contains(&(table, column)));
        let rows: Vec<Row> = there
            .map(|(table, column, kind)| {
                let text = |text: &str| Value::Text(text.to_owned());
                vec![text(table), text(column), text(kind)]
            })
            .collect();
        let names = ["TABLE_NAME", "COLUMN_NAME", "DATA_TYPE"];
        let kinds = names.map(|name| (name, Kind::NVarChar(128)));
        Answer::rows(columns(&kinds), rows)
    }
}

impl Database for LcsLog {
    fn answer(&self, request: &Request<'_>) -> Answer {
        let mut tables = self.tables();
        tables.asked.push(request.name.to_owned());
        match request.name {
            "session" => Answer::Done(0),
            "identity" => tables.identity(),
            "columns" => tables.schema(),
            "messages-span" => span(&tables.messages, request.parameters),
            "conference-messages-span" => span(&tables.conference_messages, request.parameters),
            "messages" => tables.messages(request.parameters),
            "conference-messages" => tables.conference_messages(request.parameters),
            "recipients" => tables.recipients(request.parameters),
            _ => Answer::Error {
                number: 208,
                class: 16,
                message: "no such statement".to_owned(),
            },
        }
    }
}

fn span(rows: &BTreeMap<(DateTime, i64), Message>, parameters: &[Value]) -> Answer {
    let from = (time(&parameters[0]), i64::MIN);
    let mut there = rows.range(from..).map(|((time, _), _)| *time);
    let first = there.next();
    let last = there.next_back().or(first);
    let value = |time: Option<DateTime>| time.map_or(Value::Null, Value::DateTime);
    let kinds = [("FirstTime", Kind::DateTime), ("LastTime", Kind::DateTime)];
    Answer::rows(columns(&kinds), [vec![value(first), value(last)]])
}

/// The rows behind a key, before a time.
fn page<'a>(
    rows: &'a BTreeMap<(DateTime, i64), Message>,
    parameters: &[Value],
) -> Vec<((DateTime, i64), &'a Message)> {
    let after = (time(&parameters[1]), number(&parameters[2]));
    let end = (time(&parameters[3]), i64::MIN);
    let rows = rows.range(after..).filter(|(key, _)| **key > after);
    let rows = rows.take_while(|(key, _)| **key < end);
    let top = usize::try_from(number(&parameters[0])).unwrap();
    rows.take(top)
        .map(|(key, message)| (*key, message))
        .collect()
}

fn columns(kinds: &[(&str, Kind)]) -> Vec<Column> {
    let columns = kinds.iter();
    columns
        .map(|(name, kind)| Column::new(name, *kind))
        .collect()
}

fn time(value: &Value) -> DateTime {
    match value {
        Value::DateTime(time) => *time,
        other => panic!("{other:?} is no datetime"),
    }
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Int(number) => i64::from(*number),
        Value::BigInt(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}
