//! LIST and CAPTURE of `persistent-chat-database`: one row of `tblChat` is one record. What is captured
//! goes the way of the compliance adapter's events from there on.

mod capture;
mod content;
mod known;
mod list;
mod listing;
mod look;
mod read;
mod records;
mod room;
mod row;
mod seen;
mod senders;
mod statements;
mod tables;
mod window;

pub(crate) use self::{
    capture::capture,
    list::list,
    look::{count, look_into, preview},
};
