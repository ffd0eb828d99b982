use std::collections::HashMap;

use chatkeep_model::Participant;
use chatkeep_pipeline::StageError;
use tokio::runtime::Handle;

use super::{read::RoomDatabase, row::ChatRow};

/// Who wrote in a room, by `userId`, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Senders {
    known: HashMap<i32, Participant>,
}

impl Senders {
    /// Takes the sender of a row that was read.
    pub(super) fn note(&mut self, row: &ChatRow) {
        if let Some(sender) = row.sender() {
            self.known.insert(row.user, sender);
        }
    }

    pub(super) fn get(&self, user: i32) -> Option<&Participant> {
        self.known.get(&user)
    }

    /// Asks for senders whose rows were not read. Blocks.
    pub(super) fn ask(
        &mut self,
        database: &mut RoomDatabase,
        users: impl Iterator<Item = i32>,
    ) -> Result<(), StageError> {
        let unknown: Vec<_> = users
            .filter(|user| !self.known.contains_key(user))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let found = Handle::current().block_on(database.principals(&unknown));
        let found = found.map_err(|error| error.into_stage("read principals"))?;
        self.known.extend(found);
        for user in unknown {
            let nobody = ChatRow {
                user,
                ..ChatRow::default()
            };
            if let Some(sender) = nobody.sender() {
                self.known.entry(user).or_insert(sender);
            }
        }
        Ok(())
    }
}
