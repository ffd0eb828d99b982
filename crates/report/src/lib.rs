//! What administrators download of a run, in the form they know. Command line and console write the same
//! bytes.

mod finding;
mod log;

pub use self::{
    finding::ReportFinding,
    log::{Log, LogError},
};

/// A time of control's, Unix seconds, as people read it: `2026-03-01T01:00:00Z`. One that cannot be is
/// empty.
pub fn time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or_else(|_| String::new(), |time| time.to_string())
}
