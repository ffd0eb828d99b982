//! A model of `mgc`, the Persistent Chat database: its tables in memory, the statements run as they are.
//! Modelled after the published schema, not captured from a server.

mod filled;
mod tables;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use self::tables::{Chat, Node, Principal, Store, guid};
use crate::{
    tds::{Answer, Database, DateTime, Request},
    tsql::{self, Identity, SqlError, System},
};

/// .NET ticks, 100 ns since 0001-01-01, at the Unix epoch.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;
const TICKS_PER_SECOND: i64 = 10_000_000;
/// When the database was made, Unix milliseconds.
const CREATED: i64 = 1_400_000_000_000;

/// A database `mgc`. Whoever has it changes it while it is served.
#[derive(Debug, Default)]
pub struct Mgc(Mutex<Store>);

impl Mgc {
    /// A database that a script of CREATE TABLE and INSERT has filled, e.g. one of the sample generator.
    pub fn filled(script: &str) -> Result<Self, SqlError> {
        let mut store = Store {
            nodes: BTreeMap::new(),
            ..Store::default()
        };
        tsql::fill(script, &mut store)?;
        Ok(Self(Mutex::new(store)))
    }

    /// A script that makes the same tables with the same rows in an empty database of a real server.
    pub fn script(&self) -> String {
        tsql::write(&*self.store())
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a room; returns its `nodeID`.
    pub fn room(&self, name: &str) -> i32 {
        let mut store = self.store();
        let number = store.next_node();
        store.nodes.insert(number, Node::room(number, name));
        number
    }

    /// The `nodeGuid` of a room, as SQL Server shows it.
    pub fn guid(&self, room: i32) -> String {
        let store = self.store();
        let guid = store.nodes.get(&room).map(|node| node.guid);
        tables::guid_text(&guid.unwrap_or_default())
    }

    /// Removes a room with everything in it.
    pub fn remove_room(&self, room: i32) {
        let mut store = self.store();
        store.nodes.remove(&room);
        store.last.remove(&room);
        store.chats.retain(|(of, _), _| *of != room);
    }

    /// Adds somebody; returns their `prinID`. `uri` is the SIP address with its scheme.
    pub fn person(&self, uri: &str, name: &str, email: Option<&str>) -> i32 {
        let mut store = self.store();
        let last = store.principals.last_key_value();
        let number = last.map_or(1, |(last, _)| last + 1);
        let principal = Principal {
            uri: uri.to_owned(),
            name: name.to_owned(),
            email: email.map(str::to_owned),
        };
        store.principals.insert(number, principal);
        number
    }

    /// Adds a chat message, `at` in Unix seconds; returns its `chatId`.
    pub fn say(&self, room: i32, person: i32, at: i64, content: &str) -> i64 {
        self.add(room, Chat::new(person, ticks(at), content))
    }

    /// Adds a chat message that was sent as an alert.
    pub fn alert(&self, room: i32, person: i32, at: i64, content: &str) -> i64 {
        let chat = Chat {
            is_alert: true,
            ..Chat::new(person, ticks(at), content)
        };
        self.add(room, chat)
    }

    /// Adds a chat message: its text and its RTF.
    pub fn say_formatted(
        &self,
        room: i32,
        person: i32,
        at: i64,
        (content, rtf): (&str, &str),
    ) -> i64 {
        let chat = Chat {
            rtf: Some(rtf.to_owned()),
            ..Chat::new(person, ticks(at), content)
        };
        self.add(room, chat)
    }

    /// Adds a chat message of these UTF-16 units, whatever they are.
    pub fn say_units(&self, room: i32, person: i32, at: i64, units: &[u16]) -> i64 {
        let chat = Chat {
            content: units.to_vec(),
            ..Chat::new(person, ticks(at), "")
        };
        self.add(room, chat)
    }

    /// Takes a number for a chat message that is not committed yet; [`commit`](Self::commit) adds it.
    pub fn begin(&self, room: i32) -> i64 {
        self.store().next_chat(room)
    }

    /// Adds a chat message, whose and when, under a number that was taken before.
    pub fn commit(&self, room: i32, chat: i64, (person, at): (i32, i64), content: &str) {
        let row = Chat::new(person, ticks(at), content);
        self.store().chats.insert((room, chat), row);
    }

    /// What `Remove-CsPersistentChatMessage` does: the text is another one.
    pub fn replace(&self, room: i32, chat: i64, content: &str) {
        if let Some(row) = self.store().chats.get_mut(&(room, chat)) {
            row.content = content.encode_utf16().collect();
            row.rtf = None;
        }
    }

    /// What `Remove-CsPersistentChatMessage -Remove` does: the row is gone.
    pub fn remove(&self, room: i32, chat: i64) {
        self.store().chats.remove(&(room, chat));
    }

    /// The database is another one: created anew, empty, its numbers begin again.
    pub fn rebuild(&self) {
        let mut store = self.store();
        let incarnation = store.incarnation + 1;
        *store = Store {
            incarnation,
            ..Store::default()
        };
    }

    /// The counter of a room is the one of an older backup.
    pub fn count_back(&self, room: i32, last: i64) {
        self.store().last.insert(room, last);
    }

    /// Takes a column away.
    pub fn drop_column(&self, table: &str, column: &str) {
        let dropped = (table.to_owned(), column.to_owned());
        self.store().dropped.insert(dropped);
    }

    fn add(&self, room: i32, chat: Chat) -> i64 {
        let mut store = self.store();
        let number = store.next_chat(room);
        store.chats.insert((room, number), chat);
        number
    }
}

impl Database for Mgc {
    fn answer(&self, request: &Request<'_>) -> Answer {
        let store = self.store();
        let identity = Identity {
            broker: Some(guid(7, store.incarnation)),
            created: DateTime::from_unix_milliseconds(CREATED),
        };
        let system = System {
            database: request.database,
            identity,
            tables: &*store,
        };
        tsql::answer(request, &system)
    }
}

fn ticks(seconds: i64) -> i64 {
    TICKS_AT_EPOCH + seconds * TICKS_PER_SECOND
}
