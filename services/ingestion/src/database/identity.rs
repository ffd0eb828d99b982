use super::{Connection, DatabaseError, Moment, Row, statements};

/// A broker that was never set up has no GUID of its own.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What tells a database apart from others, and what time it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// GUID of the database's service broker: it stays when the database is moved, mirrored, or restored,
    /// and changes when it is made anew. Without one, when the database was made.
    pub(crate) id: String,
    /// The server's time, UTC.
    pub(crate) now: Moment,
}

impl Identity {
    /// Asks the database.
    pub(crate) async fn of(connection: &mut Connection) -> Result<Self, DatabaseError> {
        connection
            .row(statements::IDENTITY, Vec::new(), Self::read)
            .await
    }

    /// Refuses another database than the expected one.
    pub(crate) fn expect(&self, before: &str) -> Result<(), DatabaseError> {
        if self.id == before {
            return Ok(());
        }
        Err(DatabaseError::Rebuilt {
            before: before.to_owned(),
            found: self.id.clone(),
        })
    }

    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let broker = row.guid(0, "service_broker_guid")?;
        let broker = broker.filter(|guid| guid != NOBODY);
        let created = row.moment(1, "create_date")?;
        let id = match (broker, created) {
            (Some(guid), _) => guid,
            (None, Some(created)) => format!("created {created}"),
            (None, None) => return Err(row.wrong("create_date")),
        };
        let now = row.moment(2, "now")?.ok_or_else(|| row.wrong("now"))?;
        Ok(Self { id, now })
    }
}
