use chatkeep_model::UtcTime;
use serde::{Deserialize, Serialize};

/// Seconds of a UTC day.
const DAY: i64 = 86_400;

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
        }
    }
}

/// Cuts a time at the ends of its UTC days.
pub(super) fn days(from: i64, to: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut start = from;
    std::iter::from_fn(move || {
        let end = midnight(start).saturating_add(DAY).min(to);
        let day = (start < end).then_some((start, end));
        start = end;
        day
    })
}

/// The start of the UTC day.
pub(super) fn midnight(seconds: i64) -> i64 {
    seconds.div_euclid(DAY) * DAY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_cut_at_midnight() {
        let cut: Vec<_> = days(DAY - 10, 3 * DAY).collect();

        assert_eq!(cut, [(DAY - 10, DAY), (DAY, 2 * DAY), (2 * DAY, 3 * DAY)]);
        assert_eq!(days(DAY, DAY).count(), 0);
        assert_eq!(days(2 * DAY, DAY).count(), 0);
    }

    proptest! {
        #[test]
        fn days_leave_nothing_out_and_overlap_nowhere(
            from in -10 * DAY..10 * DAY,
            length in 0..10 * DAY,
        ) {
            let cut: Vec<_> = days(from, from + length).collect();

            let total: i64 = cut.iter().map(|(from, to)| to - from).sum();
            prop_assert_eq!(total, length);
            prop_assert!(cut.windows(2).all(|pair| pair[0].1 == pair[1].0));
            prop_assert!(cut.iter().all(|(from, to)| midnight(*from) == midnight(to - 1)));
        }
    }
}
