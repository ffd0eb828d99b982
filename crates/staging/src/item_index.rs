use chatkeep_model::{ItemId, Kind, Participant};
use serde::{Deserialize, Serialize};

/// What mapping needs to know of a rendered item: one frame of an index blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemIndex {
    /// The item.
    pub id: ItemId,
    /// What kind of conversation it is.
    pub kind: Kind,
    /// Its `Date` header, Unix seconds.
    pub date: i64,
    /// Everybody in it: the `Email` seed property.
    pub participants: Vec<Participant>,
}
