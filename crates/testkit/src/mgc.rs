//! The Persistent Chat database `mgc` in memory, for the [`tds`](crate::tds) server. **For tests only**: it
//! answers the statements of our own source and knows no SQL. Modelled after the published schema, not
//! captured from a server.

mod answers;
mod tables;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::tables::{Chat, Node, Principal, Tables};
use crate::tds::{Answer, Database, Request};

/// .NET ticks, 100 ns since 0001-01-01, at the Unix epoch.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;
const TICKS_PER_SECOND: i64 = 10_000_000;

/// A database `mgc`. Whoever has it changes it while it is served.
#[derive(Debug, Default)]
pub struct Mgc(Mutex<Tables>);

impl Mgc {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a room; returns its `nodeID`.
    pub fn room(&self, name: &str) -> i32 {
        let mut tables = self.tables();
        let number = tables.next_node();
        let node = Node::new(number, name);
        tables.nodes.insert(number, node);
        number
    }

    /// The `nodeGuid` of a room, as text.
    pub fn guid(&self, room: i32) -> String {
        let tables = self.tables();
        let guid = tables.nodes.get(&room).map(|node| node.guid);
        tables::guid_text(&guid.unwrap_or_default())
    }

    /// Removes a room with everything in it.
    pub fn remove_room(&self, room: i32) {
        let mut tables = self.tables();
        tables.nodes.remove(&room);
        tables.last.remove(&room);
        tables.chats.retain(|(of, _), _| *of != room);
    }

    /// Adds somebody; returns their `prinID`. `uri` is the SIP address with its scheme.
    pub fn person(&self, uri: &str, name: &str, email: Option<&str>) -> i32 {
        let mut tables = self.tables();
        let number = i32::try_from(tables.principals.len()).unwrap_or(i32::MAX - 1) + 1;
        let principal = Principal {
            uri: uri.to_owned(),
            name: name.to_owned(),
            email: email.map(str::to_owned),
        };
        tables.principals.insert(number, principal);
        number
    }

    /// Adds a chat message, `at` in Unix seconds; returns its `chatId`.
    pub fn say(&self, room: i32, person: i32, at: i64, content: &str) -> i64 {
        self.add(room, Chat::new(person, ticks(at), content))
    }

    /// Adds a chat message with its RTF.
    pub fn say_formatted(&self, room: i32, person: i32, at: i64, content: &str, rtf: &str) -> i64 {
        let chat = Chat {
            rtf: Some(rtf.to_owned()),
            ..Chat::new(person, ticks(at), content)
        };
        self.add(room, chat)
    }

    /// Takes a number for a chat message that is not committed yet; [`commit`](Self::commit) adds it.
    pub fn begin(&self, room: i32) -> i64 {
        self.tables().next_chat(room)
    }

    /// Adds a chat message under a number that was taken before.
    pub fn commit(&self, room: i32, chat: i64, person: i32, at: i64, content: &str) {
        let row = Chat::new(person, ticks(at), content);
        self.tables().chats.insert((room, chat), row);
    }

    /// What `Remove-CsPersistentChatMessage` does: the text is another one.
    pub fn replace(&self, room: i32, chat: i64, content: &str) {
        if let Some(row) = self.tables().chats.get_mut(&(room, chat)) {
            content.clone_into(&mut row.content);
            row.rtf = None;
        }
    }

    /// What `Remove-CsPersistentChatMessage -Remove` does: the row is gone.
    pub fn remove(&self, room: i32, chat: i64) {
        self.tables().chats.remove(&(room, chat));
    }

    /// The database is another one: created anew, its numbers begin again.
    pub fn rebuild(&self) {
        let mut tables = self.tables();
        let incarnation = tables.incarnation + 1;
        *tables = Tables {
            incarnation,
            ..Tables::default()
        };
    }

    /// The counters are those of an older backup; rows stay.
    pub fn count_back(&self, room: i32, last: i64) {
        self.tables().last.insert(room, last);
    }

    /// Takes a column away, as an older server's schema lacks it.
    pub fn lose_column(&self, table: &str, column: &str) {
        let lost = (table.to_owned(), column.to_owned());
        self.tables().lost.insert(lost);
    }

    fn add(&self, room: i32, chat: Chat) -> i64 {
        let mut tables = self.tables();
        let number = tables.next_chat(room);
        tables.chats.insert((room, number), chat);
        number
    }
}

impl Database for Mgc {
    fn answer(&self, request: &Request<'_>) -> Answer {
        self.tables().answer(request)
    }
}

fn ticks(seconds: i64) -> i64 {
    TICKS_AT_EPOCH + seconds * TICKS_PER_SECOND
}
