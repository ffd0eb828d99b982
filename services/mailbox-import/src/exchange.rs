//! What the roads into Exchange have in common: what survives of a message there, and how to notice what
//! does not.

pub(crate) mod canary;
pub(crate) mod fields;
pub(crate) mod folder;
mod halt;
pub(crate) mod mime;
mod stumbles;

pub(crate) use self::{halt::Halt, stumbles::Stumbles};
use crate::target::Timeouts;

/// What is the same for all mailboxes of a connector.
#[derive(Debug)]
pub(crate) struct Form {
    /// The folder's path.
    pub(crate) folder: String,
    /// The item class.
    pub(crate) class: String,
    pub(crate) timeouts: Timeouts,
}
