use chatkeep_model::UtcTime;
use serde::{Deserialize, Serialize};

/// Seconds of a UTC day and of an hour.
const DAY: i64 = 86_400;
pub(super) const HOUR: i64 = 3_600;

/// A table of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stream {
    /// Sessions of two, `Messages`.
    Messages,
    /// Everything that went through a conference, `ConferenceMessages`.
    Conferences,
}

impl Stream {
    pub(super) const ALL: [Self; 2] = [Self::Messages, Self::Conferences];

    /// The table: part of a record's identity, and the name of the cursor.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Messages => "Messages",
            Self::Conferences => "ConferenceMessages",
        }
    }
}

/// What one CAPTURE task reads: one UTC day of one table, or a part of it. One frame of a listing blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    /// Table and times, as control names what it cannot read.
    path: String,
    pub(super) stream: Stream,
    /// Unix seconds, from inclusive, to exclusive.
    pub(super) from: i64,
    pub(super) to: i64,
    /// The database that was listed.
    pub(super) identity: String,
    /// Whether call detail records could be had when it was.
    #[serde(default)]
    pub(super) has_details: bool,
}

impl Range {
    pub(super) fn new(stream: Stream, from: i64, to: i64, identity: &str) -> Self {
        let time = UtcTime::from_seconds;
        Self {
            path: format!("{} {} to {}", stream.table(), time(from), time(to)),
            stream,
            from,
            to,
            identity: identity.to_owned(),
            has_details: false,
        }
    }

    /// The same with call detail records, if there are any.
    pub(super) fn with_details(self, has_details: bool) -> Self {
        Self {
            has_details,
            ..self
        }
    }
}

/// From a time to the end of its UTC day, or to `to`.
pub(super) fn day_from(from: i64, to: i64) -> (i64, i64) {
    (from, midnight(from).saturating_add(DAY).min(to))
}

/// The start of the hour.
pub(super) fn hour(seconds: i64) -> i64 {
    seconds.div_euclid(HOUR) * HOUR
}

/// The start of the UTC day.
pub(super) fn midnight(seconds: i64) -> i64 {
    seconds.div_euclid(DAY) * DAY
}

#[cfg(test)]
mod tests {
    use chatkeep_staging::{FrameReader, FrameWriter};

    use super::*;

    /// A listing of a program that knew of no call detail records.
    #[derive(Serialize)]
    struct Before {
        path: &'static str,
        stream: Stream,
        from: i64,
        to: i64,
        identity: &'static str,
    }

    #[test]
    fn a_listing_that_an_older_program_wrote_is_read_as_it_meant_it() {
        let before = Before {
            path: "Messages 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z",
            stream: Stream::Messages,
            from: 0,
            to: DAY,
            identity: "one",
        };
        let mut frames = FrameWriter::new(Vec::new());
        frames.push(&before).unwrap();

        let written = frames.into_inner();
        let range = FrameReader::new(&written[..]).next().unwrap();

        assert_eq!(range, Some(Range::new(Stream::Messages, 0, DAY, "one")));
    }

    #[test]
    fn a_day_ends_at_midnight_or_with_the_window() {
        assert_eq!(day_from(DAY - 10, 3 * DAY), (DAY - 10, DAY));
        assert_eq!(day_from(DAY, 3 * DAY), (DAY, 2 * DAY));
        assert_eq!(day_from(DAY, DAY + 5), (DAY, DAY + 5));
        assert_eq!(day_from(-1, DAY), (-1, 0));
    }
}
