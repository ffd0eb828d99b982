use std::collections::{BTreeMap, BTreeSet, HashSet};

use chatkeep_model::{UtcDay, UtcTime};
use chatkeep_proto::v1::RoomDay;
use serde::{Deserialize, Serialize};

use super::row::{ChatRow, Room};

/// What is remembered of a row while its day is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenRow {
    pub(super) chat: i64,
    pub(super) ticks: i64,
    pub(super) user: i32,
    /// Of its content; [`GONE`] when the row is.
    hash: u64,
    /// How often it was found to be another one.
    pub(super) revisions: u32,
}

const GONE: u64 = 0;

impl SeenRow {
    fn of(row: &ChatRow, revisions: u32) -> Self {
        Self {
            chat: row.chat,
            ticks: row.ticks,
            user: row.user,
            hash: hash(row),
            revisions,
        }
    }

    /// The UTC day it is kept under.
    pub(super) fn day(&self) -> UtcDay {
        UtcTime::from_ticks(self.ticks).unwrap_or_default().day()
    }
}

fn hash(row: &ChatRow) -> u64 {
    let hash = row.content_hash();
    let hash = hash[..8]
        .iter()
        .fold(0, |hash, byte| (hash << 8) | u64::from(*byte));
    hash.max(GONE + 1)
}

/// What a row is, compared with what is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    New,
    Unchanged,
    /// It has another content, for the so-manieth time.
    Replaced {
        revision: u32,
    },
}

/// What was seen of a room on the days that are read again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: BTreeMap<i64, SeenRow>,
    met: HashSet<i64>,
    changed: BTreeSet<UtcDay>,
}

impl Seen {
    /// From what the ledger keeps.
    pub(super) fn load(days: &[RoomDay]) -> Result<Self, rmp_serde::decode::Error> {
        let mut seen = Self::default();
        for day in days {
            let rows: Vec<SeenRow> = rmp_serde::from_slice(&day.seen)?;
            seen.rows
                .extend(rows.into_iter().map(|row| (row.chat, row)));
        }
        Ok(seen)
    }

    /// Compares a row and remembers it as it is now.
    pub(super) fn look(&mut self, row: &ChatRow) -> Look {
        self.met.insert(row.chat);
        let known = self.rows.get(&row.chat).copied();
        let (look, revisions) = match known {
            Some(known) if known.hash == hash(row) => return Look::Unchanged,
            Some(known) => {
                // It may have been put under another day.
                self.changed.insert(known.day());
                let revision = known.revisions + 1;
                (Look::Replaced { revision }, revision)
            }
            None => (Look::New, 0),
        };
        let row = SeenRow::of(row, revisions);
        self.changed.insert(row.day());
        self.rows.insert(row.chat, row);
        look
    }

    /// Rows that were seen before and not met now, of those with these numbers and times; they are gone
    /// from now on.
    pub(super) fn take_missing(
        &mut self,
        chats: impl Fn(i64) -> bool,
        ticks: impl Fn(i64) -> bool,
    ) -> Vec<SeenRow> {
        let mut missing = Vec::new();
        for row in self.rows.values_mut() {
            let is_here = self.met.contains(&row.chat) || row.hash == GONE;
            if !is_here && chats(row.chat) && ticks(row.ticks) {
                row.hash = GONE;
                row.revisions += 1;
                self.changed.insert(row.day());
                missing.push(*row);
            }
        }
        missing
    }

    /// Has a day kept whether anything was seen on it or not.
    pub(super) fn touch(&mut self, day: UtcDay) {
        self.changed.insert(day);
    }

    /// Numbers of everybody who wrote on a day.
    pub(super) fn senders(&self, day: UtcDay) -> BTreeSet<i32> {
        let of_day = self.rows.values().filter(|row| row.day() == day);
        of_day.map(|row| row.user).collect()
    }

    /// The first row of a day or a later one.
    pub(super) fn first_from(&self, day: UtcDay) -> Option<i64> {
        let mut rows = self.rows.values();
        rows.find(|row| row.day() >= day).map(|row| row.chat)
    }

    /// The days that changed, from this one on, as the ledger keeps them.
    pub(super) fn into_days(
        self,
        room: &Room,
        from: UtcDay,
    ) -> Result<Vec<RoomDay>, rmp_serde::encode::Error> {
        let mut days: BTreeMap<UtcDay, Vec<SeenRow>> = BTreeMap::new();
        for row in self.rows.into_values() {
            days.entry(row.day()).or_default().push(row);
        }
        let changed = self.changed.into_iter().filter(|day| *day >= from);
        let encode = |day: UtcDay| {
            let rows = days.remove(&day).unwrap_or_default();
            Ok(RoomDay {
                room: room.uri.clone(),
                day: day.0,
                number: room.number,
                title: room.name.clone(),
                seen: rmp_serde::to_vec(&rows)?.into(),
                ..RoomDay::default()
            })
        };
        changed.map(encode).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIDNIGHT: i64 = 636_120_000_000_000_000 / 864_000_000_000 * 864_000_000_000;
    const DAY: i64 = 864_000_000_000;

    fn row(chat: i64, content: &str) -> ChatRow {
        ChatRow {
            chat,
            ticks: MIDNIGHT + chat,
            user: 1,
            content: content.to_owned(),
            ..ChatRow::default()
        }
    }

    fn room() -> Room {
        Room {
            uri: "ma-chan://contoso.com/x".to_owned(),
            number: 300,
            name: "Project X".to_owned(),
        }
    }

    fn reload(seen: Seen) -> Seen {
        Seen::load(&seen.into_days(&room(), UtcDay(0)).unwrap()).unwrap()
    }

    #[test]
    fn rows_are_new_once_and_replaced_as_often_as_they_change() {
        let mut seen = Seen::default();
        assert_eq!(seen.look(&row(1, "a")), Look::New);
        let mut seen = reload(seen);
        assert_eq!(seen.look(&row(1, "a")), Look::Unchanged);
        assert_eq!(seen.look(&row(1, "b")), Look::Replaced { revision: 1 });
        let mut seen = reload(seen);

        assert_eq!(seen.look(&row(1, "a")), Look::Replaced { revision: 2 });
    }

    #[test]
    fn what_is_missing_is_told_once() {
        let mut seen = Seen::default();
        for chat in 1..=4 {
            seen.look(&row(chat, "a"));
        }
        let mut seen = reload(seen);
        seen.look(&row(1, "a"));

        // 4 lies behind what was read.
        let missing = seen.take_missing(|chat| chat <= 3, |_| true);
        let numbers: Vec<_> = missing.iter().map(|row| row.chat).collect();
        assert_eq!(numbers, [2, 3]);
        let mut seen = reload(seen);
        seen.look(&row(1, "a"));
        assert_eq!(seen.take_missing(|chat| chat <= 3, |_| true), []);
        // It comes back.
        assert_eq!(seen.look(&row(2, "a")), Look::Replaced { revision: 2 });
    }

    #[test]
    fn only_days_that_changed_and_are_read_again_are_kept() {
        let mut seen = Seen::default();
        for (chat, day) in [(1, 0), (2, 1), (3, 2)] {
            seen.look(&ChatRow {
                ticks: MIDNIGHT + day * DAY,
                ..row(chat, "a")
            });
        }
        let first = seen.rows[&1].day();
        assert_eq!(seen.first_from(UtcDay(first.0 + 1)), Some(2));
        assert_eq!(seen.senders(first), BTreeSet::from([1]));

        let days = seen.into_days(&room(), UtcDay(first.0 + 1)).unwrap();

        let days: Vec<_> = days.iter().map(|day| day.day - first.0).collect();
        assert_eq!(days, [1, 2]);
    }

    proptest! {
        #[test]
        fn whatever_is_remembered_is_found_again(
            rows in proptest::collection::btree_map(0_i64..1_000_000, "\\PC{0,8}", 0..40),
        ) {
            let mut seen = Seen::default();
            for (chat, content) in &rows {
                seen.look(&row(*chat, content));
            }

            let mut again = reload(seen);

            for (chat, content) in &rows {
                prop_assert_eq!(again.look(&row(*chat, content)), Look::Unchanged);
            }
            prop_assert_eq!(again.take_missing(|_| true, |_| true), vec![]);
        }
    }
}
