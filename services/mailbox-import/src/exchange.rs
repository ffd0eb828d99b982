//! What the roads into Exchange have in common: what survives of a message there, and how to notice what
//! does not.

pub(crate) mod canary;
pub(crate) mod fields;
pub(crate) mod folder;
mod halt;
pub(crate) mod mime;
mod stumbles;

pub(crate) use self::{halt::Halt, stumbles::Stumbles};
use chatkeep_model::connector::PolicyTag;

use crate::target::Timeouts;

/// What is the same for all mailboxes of a connector.
#[derive(Debug)]
pub(crate) struct Form {
    /// The folder's path.
    pub(crate) folder: String,
    pub(crate) marks: Marks,
    pub(crate) timeouts: Timeouts,
}

/// What a message is given beside what it says.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    /// The item class.
    pub(crate) class: String,
    /// The retention tag, where it gets one of its own.
    pub(crate) tag: Option<PolicyTag>,
}
