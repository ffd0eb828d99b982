//! How a run is put into words, and the form of its log: the same on the command line, in the console and
//! in its API.

mod finding;
mod log;
mod words;

pub use crate::{
    finding::{ReportFinding, finding_line},
    log::{Log, LogError},
    words::{day, number, status, time},
};
