use jiff::Timestamp;

use super::{
    Contact, StoredMessage,
    properties::{CLASS, TAG},
};

/// What a real tenant might do otherwise than this one does by itself: what an import must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// `PR_MESSAGE_FLAGS` is passed over: every message is a draft.
    MakesDrafts,
    /// Every message is unread.
    MakesUnread,
    /// `PR_MESSAGE_DELIVERY_TIME` is passed over: every message is received now.
    ReceivesNow,
    /// The mailbox's owner has sent every message, on behalf of whoever was named.
    SendsOnBehalf,
    /// `PR_MESSAGE_CLASS` is passed over.
    ChangesClass,
    /// `internetMessageId` is passed over.
    RenamesMessages,
    /// Named properties are not kept.
    DropsNamedProperties,
    /// `PR_POLICY_TAG` is not kept.
    DropsTags,
    /// The text of messages is changed.
    RewritesText,
    /// Filters of messages are passed over.
    IgnoresFilters,
    /// Upload sessions are for drafts alone.
    UploadsToDraftsOnly,
    /// Nothing is permanently deleted: messages go to Deleted Items, folders are refused.
    DeletesSoftly,
    /// An address that is nobody's principal name is refused in words of its own.
    RefusesAliasesOtherwise,
    /// Tokens of changes that were never given out are answered as if there were none.
    TakesAnyDeltaToken,
}

impl Quirk {
    /// What becomes of a message that is made in a mailbox of `owner`.
    pub(super) fn distort(self, message: &mut StoredMessage, owner: &Contact, now: Timestamp) {
        match self {
            Self::MakesDrafts => message.is_draft = true,
            Self::MakesUnread => message.is_read = false,
            Self::ReceivesNow => message.received = now.as_second(),
            Self::SendsOnBehalf => message.sender = Some(owner.clone()),
            Self::ChangesClass => {
                "IPM.Note".clone_into(&mut message.class);
                let class = message.class.clone();
                message.properties.insert(CLASS.to_owned(), class);
            }
            Self::RenamesMessages => message.message_id.clear(),
            Self::DropsNamedProperties => message.properties.retain(|id, _| !id.contains(" Name ")),
            Self::DropsTags => drop(message.properties.remove(TAG)),
            Self::RewritesText => message.body.push_str("<p>Changed on the way.</p>"),
            Self::IgnoresFilters
            | Self::UploadsToDraftsOnly
            | Self::DeletesSoftly
            | Self::RefusesAliasesOtherwise
            | Self::TakesAnyDeltaToken => {}
        }
    }
}
