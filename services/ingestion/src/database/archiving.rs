//! LIST and CAPTURE of `archiving-database`: a row is a record, a session on one UTC day is one
//! conversation.
//!
//! The layout is the one that programs were seen to query; where it was never published, optional columns
//! are optional and either of two layouts is read (`tables`). A capture reads one day of one table in the
//! order of its key, sorts the rows by session outside memory, claims them and stores conversations. What
//! was read before is counted again, hour by hour (`recount`).

mod attendance;
mod capture;
mod claim;
mod conversation;
mod details;
mod entry;
mod group;
mod list;
mod look;
mod plain;
mod range;
mod reader;
mod record;
mod recount;
mod rtf;
mod statements;
mod tables;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use self::{
    capture::capture,
    list::list,
    look::{count, look_into, preview},
    rtf::text as words_of_rtf,
};
