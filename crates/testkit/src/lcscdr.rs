//! A model of `LcsCDR`, the call detail records of Skype for Business: its tables in memory, the statements
//! run as they are. Modelled after the published schema, as far as it is asked for; not captured from a
//! server.

mod tables;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::tables::Store;
use crate::{
    lcslog::Session,
    tds::{Answer, Database, DateTime, Request, Value},
    tsql::{self, Identity, System},
};

/// When the database was made, Unix milliseconds.
const CREATED: i64 = 1_400_000_000_000;

/// A database `LcsCDR`. Whoever has it changes it while it is served.
#[derive(Debug, Default)]
pub struct LcsCdr(Mutex<Store>);

impl LcsCdr {
    /// A script that makes the same tables with the same rows in an empty database of a real server.
    pub fn script(&self) -> String {
        tsql::write(&*self.store())
    }

    /// Adds a user; returns `UserId`.
    pub fn user(&self, uri: &str) -> i32 {
        self.store().named("Users", uri)
    }

    /// Adds a time at which a conference was held, by the URI of its focus.
    pub fn conference(&self, session: Session, uri: &str, (start, end): (DateTime, DateTime)) {
        let mut store = self.store();
        let uri = store.named("ConferenceUris", uri);
        let row = vec![
            Value::DateTime(session.time),
            Value::Int(session.seq),
            Value::Int(uri),
            Value::DateTime(start),
            Value::DateTime(end),
        ];
        store.add("Conferences", row);
    }

    /// Adds how long a user stayed in a conference; `None`: nobody noted when they went.
    pub fn stay(&self, session: Session, user: i32, (joined, left): (DateTime, Option<DateTime>)) {
        let row = vec![
            Value::DateTime(session.time),
            Value::Int(session.seq),
            Value::Int(user),
            Value::DateTime(joined),
            left.map_or(Value::Null, Value::DateTime),
        ];
        self.store().add("FocusJoinsAndLeaves", row);
    }

    /// Adds how many messages a user sent in a conference.
    pub fn conference_messages(&self, session: Session, user: i32, messages: i32) {
        let row = vec![
            Value::DateTime(session.time),
            Value::Int(session.seq),
            Value::Int(user),
            Value::Int(messages),
        ];
        self.store().add("ConferenceMessageCount", row);
    }

    /// Adds a session of two: how many messages each of them sent, and when it ended.
    pub fn session(&self, session: Session, (one, two): (i32, i32), end: DateTime) {
        let row = vec![
            Value::DateTime(session.time),
            Value::Int(session.seq),
            Value::Int(one),
            Value::Int(two),
            Value::DateTime(end),
        ];
        self.store().add("SessionDetails", row);
    }

    /// Takes a table away.
    pub fn drop_table(&self, table: &str) {
        self.store().dropped.insert(table.to_owned());
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for LcsCdr {
    fn answer(&self, request: &Request<'_>) -> Answer {
        let store = self.store();
        let system = System {
            database: request.database,
            identity: Identity {
                broker: Some([9; 16]),
                created: DateTime::from_unix_milliseconds(CREATED),
            },
            tables: &*store,
        };
        tsql::answer(request, &system)
    }
}
