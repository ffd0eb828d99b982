use std::collections::{BTreeMap, BTreeSet};

use chatkeep_model::{Conversation, ItemId, UtcDay};
use chatkeep_pipeline::StageError;
use chatkeep_proto::v1::{RoomDay, RoomDaysRequest};
use tokio::runtime::Handle;

use super::{database_name, day::Day};
use crate::work::Work;

/// A room and a day.
type Key = (String, UtcDay);

/// The first items of a database's rooms on their days: what is found out about a day later names the
/// first one.
#[derive(Debug, Default)]
pub(super) struct Firsts {
    /// The source is one whose days are read again.
    is_asked: bool,
    known: BTreeMap<Key, ItemId>,
    /// Items that days become now.
    new: Vec<RoomDay>,
}

/// What a day is to its first item.
pub(super) struct Link {
    key: Option<Key>,
    is_revision: bool,
}

impl Firsts {
    /// Asks for the first items of those days that tell what became of records. Blocks.
    pub(super) fn ask(work: &Work, days: &[Day]) -> Result<Self, StageError> {
        let mut firsts = Self {
            is_asked: work.source().database().is_some(),
            ..Self::default()
        };
        let revised = days.iter().filter(|day| day.is_revision());
        let rooms: BTreeSet<_> = revised.map(|day| day.room().to_owned()).collect();
        if rooms.is_empty() {
            return Ok(firsts);
        }
        let request = RoomDaysRequest {
            connector: work.task.connector.clone(),
            database: database_name(work),
            rooms: rooms.into_iter().collect(),
            ..RoomDaysRequest::default()
        };
        let mut ledger = work.ledger.clone();
        let found = Handle::current().block_on(ledger.room_days(request));
        let found = found.map_err(StageError::ledger("ask for first items of rooms"))?;
        for day in found.into_inner().days {
            if let Some(item) = ItemId::from_slice(&day.item) {
                firsts.known.insert((day.room, UtcDay(day.day)), item);
            }
        }
        Ok(firsts)
    }

    pub(super) fn of(&self, day: &Day) -> Link {
        let key = day.day().map(|of| (day.room().to_owned(), of));
        Link {
            key: key.filter(|_| self.is_asked),
            is_revision: day.is_revision(),
        }
    }

    /// Has a conversation that revises a day name the day's first item.
    pub(super) fn link(&mut self, link: Link, mut conversation: Conversation) -> Conversation {
        let Some(key) = link.key else {
            return conversation;
        };
        if link.is_revision {
            let first = self.known.get(&key).copied();
            conversation.supersedes = first.filter(|first| *first != conversation.id);
        }
        let (room, day) = key;
        self.new.push(RoomDay {
            room,
            day: day.0,
            item: conversation.id.as_bytes().to_vec().into(),
            ..RoomDay::default()
        });
        conversation
    }

    /// The items that days become now.
    pub(super) fn into_days(self) -> Vec<RoomDay> {
        self.new
    }
}
