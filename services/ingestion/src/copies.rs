//! Copies of one conversation: pools log the same session, each in its own database.

use chatkeep_model::{Conversation, ItemId};
use chatkeep_proto::v1::Session;

use crate::eml::{Sequence, participants_digest};

/// What is compared with other pools' copies; `None` where nothing was said, since then nothing tells
/// two sessions apart.
pub(crate) fn session(conversation: &Conversation, sequence: &Sequence) -> Option<Session> {
    if sequence.is_empty() {
        return None;
    }
    let messages = sequence.len();
    Some(Session {
        participants: participants_digest(&conversation.participants)
            .to_vec()
            .into(),
        start: conversation.start.seconds(),
        messages,
        sequence: sequence.prefix(messages)?.to_vec().into(),
        item: conversation.id.as_bytes().to_vec().into(),
        origin: String::new(),
    })
}

/// The longest captured copy that this conversation begins with: it is a revision of that.
pub(crate) fn shorter_copy(
    conversation: &Conversation,
    sequence: &Sequence,
    similar: &[Session],
) -> Option<ItemId> {
    let begins_with = |copy: &&Session| {
        copy.messages > 0
            && copy.messages < sequence.len()
            && sequence
                .prefix(copy.messages)
                .is_some_and(|prefix| copy.sequence == prefix[..])
    };
    let copies = similar.iter().filter(begins_with);
    let longest = copies.max_by_key(|copy| copy.messages)?;
    ItemId::from_slice(&longest.item).filter(|item| *item != conversation.id)
}
