use std::cmp::Ordering;

use chatkeep_model::{
    Attachment, ConversationKey, Participant, RecordId, ThreadKey, UtcDay, UtcTime, What,
};
use serde::{Deserialize, Serialize};

use super::SHARDS;
use crate::{sorting::Sortable, xml::RoomEvent};

/// A captured event: one frame of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CapturedRecord {
    /// Of the room's thread key.
    pub(crate) shard: u32,
    pub(crate) room: String,
    pub(crate) room_name: Option<String>,
    pub(crate) at: UtcTime,
    /// Number of the chat message: the room's own order within a moment.
    pub(crate) number: i64,
    /// The record's id without its ordinal.
    pub(crate) content_id: RecordId,
    pub(crate) ordinal: u32,
    pub(crate) id: RecordId,
    pub(crate) sender: Option<Participant>,
    pub(crate) what: What,
    pub(crate) attachment: Option<Attachment>,
    /// It tells what became of a record captured before.
    #[serde(default)]
    pub(crate) is_revision: bool,
    /// Who gets the conversation because of it, beside the sender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) audience: Vec<Participant>,
}

impl CapturedRecord {
    pub(crate) fn day(&self) -> UtcDay {
        self.at.day()
    }

    pub(crate) fn conversation_key(&self) -> ConversationKey {
        ConversationKey::room(&self.room, self.day())
    }

    /// Shard, then room, then time: a room's days follow each other in time, so this is the order of
    /// conversations too.
    fn order(&self) -> (u32, &str, UtcTime, i64, RecordId, u32) {
        let Self {
            shard,
            room,
            at,
            number,
            content_id,
            ordinal,
            ..
        } = self;
        (*shard, room, *at, *number, *content_id, *ordinal)
    }
}

impl Ord for CapturedRecord {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for CapturedRecord {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Sortable for CapturedRecord {
    fn weight(&self) -> usize {
        let content = match &self.what {
            What::Said(body) | What::SaidInBackchat(body) => body.text.len(),
            What::FileUploaded(name) | What::FileDownloaded(name) => name.len(),
            What::Other { name, content } => name.len() + content.len(),
            What::Joined | What::Left => 0,
        };
        size_of::<Self>() + self.room.len() + content + 128
    }
}

/// An event as a file has it, before it is known whether another file has it too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Sighting {
    pub(crate) record: CapturedRecord,
    /// The file, by position in the task.
    pub(crate) file: u32,
    /// The event, by position in the file.
    pub(crate) position: u64,
}

impl Sighting {
    pub(crate) fn of(event: RoomEvent, shard: u32, file: u32, position: u64) -> Self {
        let content_id = event.content_id();
        let at = event.at();
        let number = event.id;
        let sender = event.sender.clone();
        let room = event.room.clone();
        Self {
            record: CapturedRecord {
                shard,
                room: room.uri,
                room_name: room.name,
                at,
                number,
                content_id,
                ordinal: 0,
                id: content_id,
                sender,
                what: event.what(),
                attachment: None,
                is_revision: false,
                audience: Vec::new(),
            },
            file,
            position,
        }
    }
}

impl Sortable for Sighting {
    fn weight(&self) -> usize {
        self.record.weight()
    }
}

/// The shard of a room's thread.
pub(crate) fn shard_of(room: &str) -> u32 {
    let digest = ThreadKey::room(room).digest();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % SHARDS
}
