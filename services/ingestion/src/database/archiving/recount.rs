//! Counts the rows of hours again that were read before. What was committed later than `overlap` reads again
//! is in no run; where there are more rows than were captured, somebody must know.

use std::collections::{BTreeMap, BTreeSet};

use chatkeep_model::{UtcTime, connector::Retention};
use chatkeep_proto::v1::{Finding, HourCount};

use super::{
    range::{HOUR, Stream, midnight},
    statements,
};
use crate::database::{Connection, DatabaseError, Moment, Parameter, Row};

/// More rows than were captured.
const LATE: &str = "late-rows";
/// Fewer rows than were captured, and no purge that would explain it.
const GONE: &str = "rows-gone";
/// The hours could not be counted.
const FAILED: &str = "recount-failed";

/// Hours of a table that are told one by one.
const MOST: usize = 1_000;

/// Hours from 1900-01-01 to 1970-01-01.
const HOURS_TO_EPOCH: i64 = 25_567 * 24;
/// Seconds of a UTC day.
const DAY: i64 = 24 * HOUR;

/// Hours of a table, as a rule those that were read before and are not read again; Unix seconds, to exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) stream: Stream,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// What is compared with what.
#[derive(Debug)]
pub(super) struct Recount<'a> {
    /// What people call the database.
    pub(super) database: String,
    /// Rows that were read of each hour, as the ledger knows them.
    pub(super) captured: &'a [HourCount],
    /// How long the server keeps its rows, where that is known.
    pub(super) retention: Option<Retention>,
    /// Unix seconds.
    pub(super) now: i64,
}

/// Rows by the beginning of their hour.
pub(super) type Hours = BTreeMap<i64, u64>;

impl Recount<'_> {
    /// Counts again and says where there are other numbers than before. That it could not be counted is
    /// a finding, too: nothing is captured any less for it.
    pub(super) async fn findings(
        &self,
        connection: &mut Connection,
        past: &[Past],
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for past in past {
            match count(connection, past).await {
                Ok(found) => findings.extend(self.compare(past, &found)),
                Err(error) => {
                    findings.push(self.failed(&error));
                    // The connection is of no use any more.
                    return findings;
                }
            }
        }
        findings
    }

    /// The hours in which there are more rows or fewer, in their order.
    fn compare(&self, past: &Past, found: &Hours) -> Vec<Finding> {
        let table = past.stream.table();
        let captured = self.captured.iter();
        let captured: Hours = captured
            .filter(|one| one.stream == table && (past.from..past.to).contains(&one.hour))
            .map(|one| (one.hour, one.records))
            .collect();
        let hours: BTreeSet<i64> = found.keys().chain(captured.keys()).copied().collect();
        let of = |hours: &Hours, hour| hours.get(&hour).copied().unwrap_or(0);
        let findings = hours.into_iter().filter_map(|hour| {
            let (now, before) = (of(found, hour), of(&captured, hour));
            let subject = format!("{} {table} {}", self.database, UtcTime::from_seconds(hour));
            if now > before {
                Some(late(subject, hour, (now, before)))
            } else if now < before && self.is_kept(hour) {
                Some(gone(subject, (before, now)))
            } else {
                None
            }
        });
        let mut findings: Vec<_> = findings.collect();
        if let Some(more) = findings.len().checked_sub(MOST).filter(|&more| more > 0) {
            findings.truncate(MOST);
            findings.push(self.cut(table, more));
        }
        findings
    }

    fn cut(&self, table: &str, more: usize) -> Finding {
        Finding {
            kind: LATE.to_owned(),
            subject: format!("{} {table}", self.database),
            expected: None,
            seen: None,
            advice: format!(
                "{more} more hours have other numbers of rows than before; capture all days since then \
                 again, best with a backfill"
            ),
        }
    }

    /// Whether rows of an hour cannot have been purged yet. Where nobody said when the server purges, they
    /// may have been.
    fn is_kept(&self, hour: i64) -> bool {
        let purged = self.retention.map(|kept| kept.purged_at(hour));
        purged.is_some_and(|purged| purged > self.now)
    }

    fn failed(&self, error: &DatabaseError) -> Finding {
        Finding {
            kind: FAILED.to_owned(),
            subject: self.database.clone(),
            expected: None,
            seen: None,
            advice: format!(
                "what was read before could not be counted again ({error}); rows that were committed \
                 late are not noticed until it can"
            ),
        }
    }
}

fn late(subject: String, hour: i64, (now, before): (u64, u64)) -> Finding {
    let day = |seconds| {
        let time = UtcTime::from_seconds(seconds).to_string();
        time.split('T').next().unwrap_or_default().to_owned()
    };
    let start = midnight(hour);
    let (from, to) = (day(start), day(start.saturating_add(DAY)));
    Finding {
        kind: LATE.to_owned(),
        subject,
        expected: Some(now),
        seen: Some(before),
        advice: format!(
            "rows of this hour were committed after it had been read; capture them with `chatkeep \
             archive FILE --from {from} --to {to}`, or with a backfill of that day"
        ),
    }
}

fn gone(subject: String, (before, now): (u64, u64)) -> Finding {
    Finding {
        kind: GONE.to_owned(),
        subject,
        expected: Some(before),
        seen: Some(now),
        advice:
            "rows of this hour are no longer in the database although its retention keeps them; \
                 they are archived, but somebody has deleted them there"
                .to_owned(),
    }
}

/// Counts the rows of each hour.
pub(super) async fn count(
    connection: &mut Connection,
    past: &Past,
) -> Result<Hours, DatabaseError> {
    let statement = match past.stream {
        Stream::Messages => statements::MESSAGES_HOURS,
        Stream::Conferences => statements::CONFERENCES_HOURS,
    };
    let parameters = [past.from, past.to].map(|time| Parameter::Moment(Moment::from_seconds(time)));
    let mut hours = Hours::new();
    let take = |row: Row| {
        let number = |at, column| row.int(at, column)?.ok_or_else(|| row.wrong(column));
        let hour = (number(0, "HourNumber")? - HOURS_TO_EPOCH) * HOUR;
        let rows = u64::try_from(number(1, "RowCount64")?);
        hours.insert(hour, rows.unwrap_or_default());
        Ok(())
    };
    connection.rows(statement, parameters.into(), take).await?;
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 100 * DAY;
    const PAST: Past = Past {
        stream: Stream::Messages,
        from: 90 * DAY,
        to: 99 * DAY,
    };

    fn hour_count(stream: Stream, hour: i64, records: u64) -> HourCount {
        HourCount {
            stream: stream.table().to_owned(),
            hour,
            records,
        }
    }

    fn compare(
        captured: &[HourCount],
        found: &[(i64, u64)],
        retention: Option<Retention>,
    ) -> Vec<(String, String, Option<u64>, Option<u64>)> {
        let recount = Recount {
            database: "sql01 lcslog".to_owned(),
            captured,
            retention,
            now: NOW,
        };
        let found = found.iter().copied().collect();
        let findings = recount.compare(&PAST, &found).into_iter();
        findings
            .map(|one| (one.kind, one.subject, one.expected, one.seen))
            .collect()
    }

    fn keeps(days: u16) -> Retention {
        Retention {
            days,
            purge_hour: 2,
            margin: None,
        }
    }

    #[test]
    fn an_hour_with_more_rows_than_were_captured_is_told() {
        let hour = 95 * DAY + HOUR;
        let captured = [
            hour_count(Stream::Messages, hour, 2),
            hour_count(Stream::Conferences, hour, 9),
        ];

        let told = compare(&captured, &[(hour, 3), (hour + HOUR, 1)], None);

        let subject = |time| format!("sql01 lcslog Messages 1970-04-06T0{time}:00:00Z");
        let expected = [
            (LATE.to_owned(), subject(1), Some(3), Some(2)),
            (LATE.to_owned(), subject(2), Some(1), Some(0)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn equal_numbers_and_hours_outside_are_no_findings() {
        let hour = 95 * DAY;
        let captured = [
            hour_count(Stream::Messages, hour, 2),
            hour_count(Stream::Messages, 89 * DAY, 2),
            hour_count(Stream::Messages, 99 * DAY, 2),
        ];

        assert!(compare(&captured, &[(hour, 2)], Some(keeps(14))).is_empty());
    }

    #[test]
    fn rows_that_are_gone_are_told_where_no_purge_explains_it() {
        let captured = [hour_count(Stream::Messages, 95 * DAY, 2)];

        assert_eq!(compare(&captured, &[], Some(keeps(14))).len(), 1);
        assert_eq!(compare(&captured, &[], Some(keeps(14)))[0].0, GONE);
        assert!(compare(&captured, &[], Some(keeps(4))).is_empty());
        assert!(compare(&captured, &[], None).is_empty());
    }

    #[test]
    fn a_thousand_hours_are_told_one_by_one_and_the_rest_as_a_number() {
        let past = Past { from: 0, ..PAST };
        let recount = Recount {
            database: "sql01 lcslog".to_owned(),
            captured: &[],
            retention: None,
            now: NOW,
        };
        let found = (0..1_234).map(|hour| (hour * HOUR, 1)).collect();

        let told = recount.compare(&past, &found);

        assert_eq!(told.len(), MOST + 1);
        assert!(told[MOST].advice.starts_with("234 more hours"));
    }

    #[test]
    fn the_advice_names_the_day_to_capture_again() {
        let finding = late(String::new(), 95 * DAY + 23 * HOUR, (2, 1));

        assert!(
            finding.advice.contains("--from 1970-04-06 --to 1970-04-07"),
            "{}",
            finding.advice
        );
    }
}
