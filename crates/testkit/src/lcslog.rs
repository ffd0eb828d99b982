//! A model of `LcsLog`, the archiving database of Skype for Business: its tables in memory, the statements
//! run as they are. Where the layout was never published, it is the one that programs were seen to query;
//! columns can be taken away one by one.

mod filled;
mod generated;
mod rows;
mod schema;
mod store;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use self::{
    generated::Generated,
    rows::{Body, Conference, ConferenceMessage, Message, Session, body},
    schema::Layout,
};
use self::{schema::Schema, store::Store};
use crate::{
    tds::{Answer, Database, DateTime, Kind, Request},
    tsql::{self, Identity, SqlError, System},
};

/// An archiving database. Rows can be added while it is read.
#[derive(Debug)]
pub struct LcsLog(Mutex<State>);

#[derive(Debug)]
struct State {
    store: Store,
    identity: Identity,
    asked: BTreeMap<String, u64>,
    statements: BTreeSet<String>,
    /// Rows that are not there yet: at which time of asking which statement they are.
    late: Vec<(String, u64, Late)>,
}

/// A row that is committed late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late {
    /// Of `Messages`.
    Message(Message),
    /// Of `ConferenceMessages`.
    ConferenceMessage(ConferenceMessage),
}

impl Default for LcsLog {
    fn default() -> Self {
        Self::new(Layout::default())
    }
}

impl LcsLog {
    /// An empty database.
    pub fn new(layout: Layout) -> Self {
        let identity = Identity {
            broker: Some([7; 16]),
            created: DateTime::from_unix_milliseconds(1_400_000_000_000),
        };
        Self(Mutex::new(State {
            store: Store::new(Schema::of(layout)),
            identity,
            asked: BTreeMap::new(),
            statements: BTreeSet::new(),
            late: Vec::new(),
        }))
    }

    /// A database that a script has filled: see [`run`](Self::run).
    pub fn filled(script: &str) -> Result<Self, SqlError> {
        let database = Self::default();
        database.run(script)?;
        Ok(database)
    }

    /// Runs a script of CREATE TABLE and INSERT, e.g. one of the sample generator. Returns how many rows
    /// it inserted.
    pub fn run(&self, script: &str) -> Result<u64, SqlError> {
        tsql::fill(script, &mut self.state().store)
    }

    /// A script that makes the same tables with the same rows in an empty database of a real server.
    pub fn script(&self) -> String {
        tsql::write(&self.state().store)
    }

    /// Adds a user; returns `UserId`.
    pub fn user(&self, uri: &str) -> i32 {
        append(&mut self.state().store.users, uri)
    }

    /// Takes a user away whose messages stay.
    pub fn remove_user(&self, id: i32) {
        self.state().store.users.remove(&id);
    }

    /// Adds a content type; returns `ContentTypeId`.
    pub fn content_type(&self, name: &str) -> i32 {
        append(&mut self.state().store.content_types, name)
    }

    /// Adds a message between two.
    pub fn add(&self, message: Message) {
        self.state().store.add(message);
    }

    /// Adds the SIP dialog of a session.
    pub fn add_dialog(&self, session: Session, external_id: &[u8]) {
        let mut state = self.state();
        state.store.dialogs.insert(session, external_id.to_vec());
    }

    /// Adds a conference.
    pub fn add_conference(&self, conference: Conference) {
        let store = &mut self.state().store;
        if let Some(uri) = &conference.uri {
            append(&mut store.conference_uris, uri);
        }
        store.conferences.insert(conference.session, conference);
    }

    /// Adds a message of a conference, with its recipients.
    pub fn add_conference_message(&self, message: ConferenceMessage) {
        self.state().store.add_conference_message(message);
    }

    /// Takes away the rows of `Messages` before a time, as a purge does.
    pub fn purge_before(&self, time: DateTime) {
        let store = &mut self.state().store;
        store.messages.retain(|(at, _), _| *at >= time);
    }

    /// Makes rows of `Messages` as they are asked for, besides those that were added, and the users they
    /// need. Their content type is the first one, plain text where there is none.
    pub fn generate(&self, generated: Generated) {
        let store = &mut self.state().store;
        for id in 1..=i32::try_from(generated.users).unwrap_or(i32::MAX) {
            let uri = || format!("user{id}@contoso.com");
            store.users.entry(id).or_insert_with(uri);
        }
        let plain = || "text/plain".to_owned();
        store.content_types.entry(1).or_insert_with(plain);
        store.generated = Some(generated);
    }

    /// Lets a row be there only once a statement of this name is asked for the nth time, the first being
    /// 1: it was committed late.
    pub fn commit_at(&self, statement: &str, nth: u64, row: Late) {
        self.state().late.push((statement.to_owned(), nth, row));
    }

    /// Takes a column away.
    pub fn drop_column(&self, table: &str, column: &str) {
        self.state().store.schema.drop_column(table, column);
    }

    /// Takes a table away.
    pub fn drop_table(&self, table: &str) {
        self.state().store.schema.drop_table(table);
    }

    /// Changes the type of a column.
    pub fn set_kind(&self, table: &str, column: &str, kind: Kind) {
        self.state().store.schema.set_kind(table, column, kind);
    }

    /// Makes another database of it, as far as can be seen from outside: `service_broker_guid`, `None` for
    /// NULL, and `create_date`.
    pub fn set_identity(&self, broker: Option<[u8; 16]>, created: DateTime) {
        self.state().identity = Identity { broker, created };
    }

    /// Sets the clock of the server, UTC.
    pub fn set_now(&self, now: DateTime) {
        self.state().store.now = now;
    }

    /// How often each statement was asked, by its name.
    pub fn asked(&self) -> BTreeMap<String, u64> {
        self.state().asked.clone()
    }

    /// Every statement that was asked, each once.
    pub fn statements(&self) -> BTreeSet<String> {
        self.state().statements.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a name to a table of names, if it is new; returns its id.
fn append(names: &mut BTreeMap<i32, String>, name: &str) -> i32 {
    let known = names.iter().find(|(_, known)| *known == name);
    if let Some((id, _)) = known {
        return *id;
    }
    let id = names.keys().next_back().map_or(1, |last| last + 1);
    names.insert(id, name.to_owned());
    id
}

impl Database for LcsLog {
    fn answer(&self, request: &Request<'_>) -> Answer {
        let mut state = self.state();
        let asked = state.asked.entry(request.name.to_owned()).or_default();
        *asked += 1;
        let asked = *asked;
        if !state.statements.contains(request.statement) {
            state.statements.insert(request.statement.to_owned());
        }
        state.commit(request.name, asked);
        let system = System {
            database: request.database,
            identity: state.identity,
            tables: &state.store,
        };
        tsql::answer(request, &system)
    }
}

impl State {
    fn commit(&mut self, statement: &str, asked: u64) {
        let store = &mut self.store;
        self.late.retain(|(name, nth, row)| {
            let is_due = name == statement && *nth <= asked;
            if is_due {
                match row.clone() {
                    Late::Message(message) => store.add(message),
                    Late::ConferenceMessage(message) => store.add_conference_message(message),
                }
            }
            !is_due
        });
    }
}
