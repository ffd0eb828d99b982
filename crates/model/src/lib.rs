//! What was said, by whom, and the identities that follow from it. Pure: no I/O, no clock.

pub mod address;
pub mod connector;
mod conversation;
pub mod identity;
mod time;

pub use crate::{
    conversation::{
        Attachment, Body, Content, Conversation, Event, Kind, Participant, Transcript, What,
    },
    identity::{ConversationKey, ItemId, RecordId, ThreadKey},
    time::{UtcDay, UtcTime},
};
