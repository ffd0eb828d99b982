//! Blobs that control itself reads.

use chatkeep_model::{
    Content, Conversation, ConversationKey, ItemId, Kind, RecordId, ThreadKey, UtcDay, UtcTime,
};
use chatkeep_proto::v1::Blob;
use chatkeep_staging::{BlobKind, FrameWriter};
use serde::Serialize;

use crate::{
    lab::Lab,
    world::{item_id, record_id},
};

/// A room's day with these records.
pub(crate) fn conversation_of<const N: usize>(number: u32, records: [u32; N]) -> Conversation {
    let record = |n: u32| RecordId::from_slice(&record_id(n)).unwrap();
    Conversation {
        id: ItemId::from_slice(&item_id(number)).unwrap(),
        kind: Kind::Room,
        thread: ThreadKey::room("room"),
        key: ConversationKey::room("room", UtcDay(number.try_into().unwrap())),
        subject: None,
        participants: Vec::new(),
        start: UtcTime::from_seconds(0),
        end: UtcTime::from_seconds(0),
        content: Content::Events(Vec::new()),
        attachments: Vec::new(),
        records: records.map(record).to_vec(),
        supersedes: None,
    }
}

/// A blob of frames.
pub(crate) async fn stored(lab: &Lab, kind: BlobKind, entries: &[impl Serialize]) -> Blob {
    let mut frames = FrameWriter::new(Vec::new());
    for entry in entries {
        frames.push(entry).unwrap();
    }
    lab.staging.put(kind, frames.into_inner()).await.unwrap()
}
