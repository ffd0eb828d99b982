//! Call detail records, `LcsCDR`: what they tell of conferences, and how many messages they counted. They are
//! an addition: where they cannot be had, everything is captured without them.

use std::collections::BTreeMap;

use chatkeep_model::{UtcTime, address::normalize, connector::DatabaseSource};
use chatkeep_proto::v1::Finding;

use super::{
    attendance::{Attendance, Stay},
    range::{Range, Stream, hour},
    statements, tables,
};
use crate::database::{Connection, DatabaseError, Moment, Parameter, Row, Schema};

/// The records cannot be had.
const UNAVAILABLE: &str = "cdr-unavailable";
/// They counted more messages than there are in the archiving database.
const MORE: &str = "cdr-more-messages";

/// A conference is looked for that began so many seconds before what is read of it.
const LONGEST: i64 = 86_400;

/// Messages by the hour in which their sessions began.
pub(super) type Sessions = BTreeMap<i64, u64>;

/// A database of call detail records.
pub(super) struct Details {
    connection: Connection,
    name: String,
}

impl Details {
    /// Connects, and looks whether everything is there that is asked for.
    pub(super) async fn open(source: &DatabaseSource) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(source).await?;
        let schema = Schema::of(&mut connection).await?;
        schema.require(&tables::CALL_DETAILS)?;
        Ok(Self {
            connection,
            name: name_of(source),
        })
    }

    /// Compares what was read of a range, by the hour in which its sessions began, with what they counted.
    pub(super) async fn check(
        &mut self,
        range: &Range,
        read: &Sessions,
    ) -> Result<Vec<Finding>, DatabaseError> {
        let counted = self.counted(range).await?;
        Ok(compare(&self.name, range.stream, &counted, read))
    }

    /// Who was in the conferences of a range.
    pub(super) async fn attendance(&mut self, range: &Range) -> Result<Attendance, DatabaseError> {
        let mut attendance = Attendance::default();
        if range.stream == Stream::Messages {
            return Ok(attendance);
        }
        let take = |row: Row| {
            let time = |at, column| {
                let moment = row.moment(at, column)?;
                Ok::<_, DatabaseError>(moment.map(Moment::time))
            };
            let session = row.moment(0, "SessionIdTime")?;
            let session = session.ok_or_else(|| row.wrong("SessionIdTime"))?;
            let seq = row.int(1, "SessionIdSeq")?.unwrap_or_default();
            let uri = row.text(2, "ConferenceUri")?.map(normalize);
            let span = (
                time(3, "ConferenceStartTime")?,
                time(4, "ConferenceEndTime")?,
            );
            let address = row.text(5, "UserUri")?.map(normalize);
            let joined = time(6, "UserJoinTime")?;
            let left = time(7, "UserLeaveTime")?;
            if let (Some(uri), Some(address), Some(joined)) = (uri, address, joined) {
                let stay = Stay {
                    address,
                    joined,
                    left,
                };
                attendance.add((&uri, (session.number(), seq)), span, stay);
            }
            Ok(())
        };
        let from = range.from.saturating_sub(LONGEST);
        let parameters = window(from, range.to);
        self.connection
            .rows(statements::CDR_JOINS, parameters, take)
            .await?;
        Ok(attendance)
    }

    /// Messages of sessions that began and ended within the range.
    async fn counted(&mut self, range: &Range) -> Result<Sessions, DatabaseError> {
        let statement = match range.stream {
            Stream::Messages => statements::CDR_SESSIONS,
            Stream::Conferences => statements::CDR_CONFERENCES,
        };
        let mut sessions = Sessions::new();
        let take = |row: Row| {
            let began = row.moment(0, "SessionIdTime")?;
            let began = began.ok_or_else(|| row.wrong("SessionIdTime"))?;
            let mut messages = 0;
            for at in [1, 2] {
                let count = row.int(at, "MessageCount")?.unwrap_or_default();
                messages += u64::try_from(count).unwrap_or_default();
            }
            if messages > 0 {
                *sessions.entry(hour(began.time().seconds())).or_default() += messages;
            }
            Ok(())
        };
        // A range may begin with its first row, which is later than its session.
        let parameters = window(hour(range.from), range.to);
        self.connection.rows(statement, parameters, take).await?;
        Ok(sessions)
    }
}

/// Hours of which more was counted than was read. Fewer say nothing: sessions that went on are not among
/// those counted, and invitations are messages only in the archiving database.
fn compare(name: &str, stream: Stream, counted: &Sessions, read: &Sessions) -> Vec<Finding> {
    let more = counted.iter().filter_map(|(&hour, &counted)| {
        let read = read.get(&hour).copied().unwrap_or_default();
        let time = UtcTime::from_seconds(hour);
        (counted > read).then(|| Finding {
            kind: MORE.to_owned(),
            subject: format!("{name} {} {time}", stream.table()),
            expected: Some(counted),
            seen: Some(read),
            advice: "call detail records counted more messages in sessions that began in this hour than \
                     the archiving database has; where everybody is to be archived, look whom no \
                     archiving policy covers, and whether archiving failed at that time"
                .to_owned(),
        })
    });
    more.collect()
}

fn window(from: i64, to: i64) -> Vec<Parameter> {
    [from, to]
        .map(|time| Parameter::Moment(Moment::from_seconds(time)))
        .into()
}

fn name_of(source: &DatabaseSource) -> String {
    source.name("").trim().to_owned()
}

/// Says that the records of a source could not be had.
pub(super) fn unavailable(source: &DatabaseSource, error: &DatabaseError) -> Finding {
    Finding {
        kind: UNAVAILABLE.to_owned(),
        subject: name_of(source),
        expected: None,
        seen: None,
        advice: format!(
            "call detail records could not be read ({error}); conferences of this run show who came and \
             went as far as messages do, and no messages were compared"
        ),
    }
}
