use std::collections::{BTreeMap, BTreeSet};

use super::{
    generated::Generated,
    rows::{Conference, ConferenceMessage, Message, Session},
    schema::Schema,
    values::{conference_message, dialog, message, named, recipient, user},
};
use crate::{
    tds::{DateTime, Row, Value},
    tsql::{Table, Tables},
};

/// Everything that is in the database, by the keys of its tables.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) schema: Schema,
    pub(super) now: DateTime,
    pub(super) users: BTreeMap<i32, String>,
    pub(super) content_types: BTreeMap<i32, String>,
    pub(super) messages: BTreeMap<(DateTime, i32), Message>,
    pub(super) generated: Option<Generated>,
    pub(super) dialogs: BTreeMap<Session, Vec<u8>>,
    pub(super) conferences: BTreeMap<Session, Conference>,
    pub(super) conference_uris: BTreeMap<i32, String>,
    pub(super) conference_messages: BTreeMap<(DateTime, i64), ConferenceMessage>,
    pub(super) recipients: BTreeSet<(i64, i32, Session)>,
}

type Rows<'a> = Box<dyn Iterator<Item = Row> + 'a>;

impl Store {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            schema,
            now: DateTime::default(),
            users: BTreeMap::new(),
            content_types: BTreeMap::new(),
            messages: BTreeMap::new(),
            generated: None,
            dialogs: BTreeMap::new(),
            conferences: BTreeMap::new(),
            conference_uris: BTreeMap::new(),
            conference_messages: BTreeMap::new(),
            recipients: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, message: Message) {
        self.messages.insert((message.time, message.seq), message);
    }

    pub(super) fn add_conference_message(&mut self, message: ConferenceMessage) {
        let recipients = message.recipients.iter();
        let recipients = recipients.map(|user| (message.id, *user, message.session));
        self.recipients.extend(recipients);
        self.conference_messages
            .insert((message.time, message.id), message);
    }

    /// Stored and generated messages, by their key.
    fn messages(&self, low: DateTime, high: DateTime) -> impl Iterator<Item = Message> {
        let stored = self.messages.range((low, i32::MIN)..=(high, i32::MAX));
        let mut stored = stored.map(|(_, message)| message.clone()).peekable();
        let generated = self.generated.into_iter().flat_map(move |generated| {
            let first = generated.lower_bound((low, i32::MIN));
            let rows = (first..generated.rows).map(move |number| generated.message(number));
            rows.take_while(move |message| message.time <= high)
        });
        let mut generated = generated.peekable();
        std::iter::from_fn(move || {
            let key = |message: &Message| (message.time, message.seq);
            match (stored.peek(), generated.peek()) {
                (Some(one), Some(other)) if key(one) < key(other) => stored.next(),
                (_, Some(_)) => generated.next(),
                (_, None) => stored.next(),
            }
        })
    }

    fn last_message(&self) -> Option<Message> {
        let stored = self.messages.values().next_back().cloned();
        let generated = self.generated.filter(|generated| generated.rows > 0);
        let generated = generated.map(|generated| generated.message(generated.rows - 1));
        let both = stored.into_iter().chain(generated);
        both.max_by_key(|message| (message.time, message.seq))
    }

    /// The rows of a table with all its columns, in the order of the schema's.
    fn rows(&self, table: &str, low: Option<&Value>, high: Option<&Value>) -> Rows<'_> {
        let (start, end) = (time(low, DateTime::MIN), time(high, DateTime::MAX));
        let (least, most) = (number(low, i64::MIN), number(high, i64::MAX));
        if start > end || least > most {
            return Box::new(std::iter::empty());
        }
        let ids = int(least)..=int(most);
        let sessions = session(start, i32::MIN)..=session(end, i32::MAX);
        match table {
            "Users" => Box::new(self.users.range(ids).map(user)),
            "ContentTypes" => Box::new(self.content_types.range(ids).map(named)),
            "ConferenceUris" => Box::new(self.conference_uris.range(ids).map(|(id, uri)| {
                let mut row = named((id, uri));
                row.push(Value::Int(2));
                row
            })),
            "Messages" => Box::new(self.messages(start, end).map(message)),
            "Dialogs" => Box::new(self.dialogs.range(sessions).map(dialog)),
            "Conferences" => {
                let conferences = self.conferences.range(sessions);
                Box::new(conferences.map(|(_, conference)| self.conference(conference)))
            }
            "ConferenceMessages" => {
                let messages = self
                    .conference_messages
                    .range((start, i64::MIN)..=(end, i64::MAX));
                Box::new(messages.map(|(_, message)| conference_message(message)))
            }
            "ConferenceMessageRecipientList" => {
                let first = (least, i32::MIN, session(DateTime::MIN, i32::MIN));
                let recipients = self.recipients.range(first..);
                Box::new(
                    recipients
                        .take_while(move |(id, ..)| *id <= most)
                        .map(recipient),
                )
            }
            _ => Box::new(std::iter::empty()),
        }
    }

    fn conference(&self, conference: &Conference) -> Row {
        let time = |time: Option<DateTime>| time.map_or(Value::Null, Value::DateTime);
        let uri = conference.uri.as_ref();
        let mut uris = self.conference_uris.iter();
        let id = uri.and_then(|uri| Some(*uris.find(|(_, other)| *other == uri)?.0));
        vec![
            Value::DateTime(conference.session.time),
            Value::Int(conference.session.seq),
            time(conference.start),
            time(conference.end),
            conference.organizer.map_or(Value::Null, Value::Int),
            id.map_or(Value::Null, Value::Int),
            uri.cloned().map_or(Value::Null, Value::Text),
        ]
    }
}

impl Tables for Store {
    fn names(&self) -> Vec<&str> {
        self.schema.names()
    }

    fn describe(&self, table: &str) -> Option<Table> {
        self.schema.describe(table)
    }

    fn scan<'a>(
        &'a self,
        table: &str,
        low: Option<&Value>,
        high: Option<&Value>,
    ) -> Box<dyn Iterator<Item = Row> + 'a> {
        let Some(name) = self.schema.spell(table) else {
            return Box::new(std::iter::empty());
        };
        let rows = self.rows(name, low, high);
        Box::new(rows.map(|row| self.schema.project(name, row)))
    }

    fn last(&self, table: &str) -> Option<Row> {
        let name = self.schema.spell(table)?;
        let row = match name {
            "Messages" => self.last_message().map(message),
            // None of the others grows large in a test.
            _ => self.rows(name, None, None).last(),
        };
        Some(self.schema.project(name, row?))
    }

    fn now(&self) -> DateTime {
        self.now
    }
}

fn time(bound: Option<&Value>, otherwise: DateTime) -> DateTime {
    match bound {
        Some(Value::DateTime(time)) => *time,
        _ => otherwise,
    }
}

fn number(bound: Option<&Value>, otherwise: i64) -> i64 {
    match bound {
        Some(Value::Int(number)) => i64::from(*number),
        Some(Value::BigInt(number)) => *number,
        _ => otherwise,
    }
}

fn int(number: i64) -> i32 {
    let number = number.clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(number).unwrap_or(0)
}

fn session(time: DateTime, seq: i32) -> Session {
    Session { time, seq }
}
