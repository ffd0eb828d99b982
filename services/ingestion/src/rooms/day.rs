use std::collections::HashMap;

use chatkeep_model::{Content, Conversation, Event, ItemId, Kind, Participant, ThreadKey, UtcDay};

use super::{
    record::{CapturedRecord, Sighting, shard_of},
    roster::Roster,
};
use crate::{sorting::Sortable as _, xml::RoomEvent};

/// The records of one room and UTC day, in order.
#[derive(Debug, Default)]
pub(super) struct Day {
    records: Vec<CapturedRecord>,
    weight: usize,
}

impl Day {
    pub(super) fn push(&mut self, record: CapturedRecord) {
        self.weight += record.weight();
        self.records.push(record);
    }

    /// True when the record is of another room or day.
    pub(super) fn ends_before(&self, record: &CapturedRecord) -> bool {
        let first = self.records.first();
        first.is_some_and(|first| first.room != record.room || first.day() != record.day())
    }

    pub(super) fn room(&self) -> &str {
        self.records.first().map_or("", |record| &record.room)
    }

    pub(super) fn records(&self) -> u64 {
        self.records.len() as u64
    }

    /// Bytes it holds, about.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// True when it tells what became of records captured before.
    pub(super) fn is_revision(&self) -> bool {
        self.records.iter().any(|record| record.is_revision)
    }

    /// Its UTC day.
    pub(super) fn day(&self) -> Option<UtcDay> {
        self.records.first().map(CapturedRecord::day)
    }

    /// The conversation: everybody with an event and everybody present at the day's start. Moves the
    /// roster to the day's end. `None` for a day without records.
    pub(super) fn into_conversation(
        self,
        connector: &str,
        roster: &mut Roster,
    ) -> Option<Conversation> {
        let first = self.records.first()?;
        let last = self.records.last()?;
        let key = first.conversation_key();
        let mut ids: Vec<_> = self.records.iter().map(|record| record.id).collect();
        ids.sort_unstable();
        let name = self
            .records
            .iter()
            .rev()
            .find_map(|record| record.room_name.clone());
        let (start, end) = (first.at, last.at);
        let (room, name) = (
            first.room.clone(),
            name.unwrap_or_else(|| first.room.clone()),
        );

        let mut everybody = Everybody::default();
        let senders = self
            .records
            .iter()
            .filter_map(|record| record.sender.as_ref());
        senders.for_each(|sender| everybody.add(sender));
        let audience = self.records.iter().flat_map(|record| &record.audience);
        audience.for_each(|one| everybody.add(one));
        roster.present().for_each(|present| everybody.add(present));

        let mut events = Vec::with_capacity(self.records.len());
        let mut attachments = Vec::new();
        for record in self.records {
            roster.follow(&record);
            let sender = record.sender.as_ref();
            events.push(Event {
                at: record.at,
                sender: sender.and_then(|sender| everybody.position(&sender.address)),
                what: record.what,
            });
            attachments.extend(record.attachment);
        }
        Some(Conversation {
            id: ItemId::of(connector, &key, &ids),
            kind: Kind::Room,
            key,
            thread: ThreadKey::room(&room),
            subject: Some(name),
            participants: everybody.participants,
            start,
            end,
            content: Content::Events(events),
            attachments,
            records: ids,
            supersedes: None,
        })
    }
}

/// The conversations that events of one file make, as far as it alone tells: who was in a room before is
/// not known, nor whether another file has an event too.
pub(crate) fn conversations(connector: &str, events: Vec<RoomEvent>) -> Vec<Conversation> {
    let sightings = (0..).zip(events).map(|(position, event)| {
        let shard = shard_of(&event.room.uri);
        Sighting::of(event, shard, 0, position).record
    });
    whole_days(connector, sightings.collect())
}

/// The conversations that records make by themselves.
pub(super) fn whole_days(connector: &str, mut records: Vec<CapturedRecord>) -> Vec<Conversation> {
    records.sort_unstable();
    let mut days: Vec<Day> = Vec::new();
    for record in records {
        match days.last_mut() {
            Some(day) if !day.ends_before(&record) => day.push(record),
            _ => {
                let mut day = Day::default();
                day.push(record);
                days.push(day);
            }
        }
    }
    let mut rosters: HashMap<String, Roster> = HashMap::new();
    let conversation = |day: Day| {
        let roster = rosters.entry(day.room().to_owned()).or_default();
        day.into_conversation(connector, roster)
    };
    days.into_iter().filter_map(conversation).collect()
}

/// Participants in the order they appear, each address once.
#[derive(Default)]
struct Everybody {
    participants: Vec<Participant>,
    positions: HashMap<String, u32>,
}

impl Everybody {
    fn add(&mut self, one: &Participant) {
        if let Some(position) = self.position(&one.address) {
            let known = &mut self.participants[position as usize];
            // Other events may tell what this one does not.
            if known.name.is_none() {
                known.name.clone_from(&one.name);
            }
            if known.email.is_none() {
                known.email.clone_from(&one.email);
            }
            return;
        }
        let position = u32::try_from(self.participants.len()).unwrap_or(u32::MAX);
        self.positions.insert(one.address.clone(), position);
        self.participants.push(one.clone());
    }

    fn position(&self, address: &str) -> Option<u32> {
        self.positions.get(address).copied()
    }
}
