//! What the roads into Exchange have in common: what survives of a message there, and how to notice what
//! does not.

pub(crate) mod canary;
pub(crate) mod fields;
pub(crate) mod folder;
mod halt;
pub(crate) mod mime;
mod stumbles;

pub(crate) use self::{halt::Halt, stumbles::Stumbles};
