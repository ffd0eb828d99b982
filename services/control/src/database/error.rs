/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite refused.
    #[error("run statement")]
    Sqlite {
        /// Its reason.
        source: rusqlite::Error,
    },
    /// PostgreSQL refused. Its message names tables and roles, never values.
    #[error("{message} (SQLSTATE {state})")]
    Postgres {
        /// The SQLSTATE code.
        state: String,
        /// The first line of its message.
        message: String,
    },
    /// PostgreSQL cannot be reached, or the connection broke.
    #[error("reach PostgreSQL")]
    Unreachable {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// PostgreSQL did not answer in time.
    #[error("wait for PostgreSQL")]
    Silent,
    /// A value cannot be sent to PostgreSQL.
    #[error("encode value")]
    Encode {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A column is missing or of another type.
    #[error("read column {column}")]
    Column {
        /// Its position, from 0.
        column: usize,
    },
    /// The text has a place without a value.
    #[error("find value ${number}")]
    Unbound {
        /// The place.
        number: usize,
    },
    /// A number that is no integer.
    #[error("read a number with a fraction")]
    Real,
    /// The query gave no row.
    #[error("find row")]
    NoRow,
    /// The thread that committed is gone.
    #[error("wait for commit")]
    Commit,
}

/// SQLite's primary result codes for a database that cannot be used for the time being: busy, locked,
/// read-only, I/O error, full, cannot open.
const SQLITE_OUTAGES: [i32; 6] = [5, 6, 8, 10, 13, 14];
/// Those that a full disk leads to: no room for data, none for the index of what is not checkpointed yet.
const SQLITE_FULL: [i32; 2] = [13, 0x130a];

/// PostgreSQL's codes for the same: read-only, statement timeout, idle for too long in a transaction.
const OUTAGES: [&str; 3] = ["25006", "57014", "25P03"];
/// Classes of such codes: connection exceptions, rights withdrawn, insufficient resources, not in the
/// state for it, shut down, system error.
const OUTAGE_CLASSES: [&str; 6] = ["08", "28", "53", "55", "57", "58"];
const FULL: &str = "53100";
/// Two transactions got into each other's way: could not serialise, deadlock, or both inserted one key.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "23505"];

impl DatabaseError {
    /// Static words when it is the database that is down, not the statement that is wrong.
    pub(crate) fn outage(&self) -> Option<&'static str> {
        if self.is_full_disk() {
            return Some("the disk of the ledger is full");
        }
        match self {
            Self::Sqlite {
                source: rusqlite::Error::SqliteFailure(error, _),
            } => {
                // The lowest byte of an extended code is its primary one.
                let is_down = SQLITE_OUTAGES.contains(&(error.extended_code & 0xff));
                is_down.then_some("the ledger cannot be written")
            }
            Self::Postgres { state, .. } => {
                let class = state.get(..2).unwrap_or_default();
                let is_down = OUTAGES.contains(&&**state) || OUTAGE_CLASSES.contains(&class);
                is_down.then_some("the ledger cannot be used")
            }
            Self::Unreachable { .. } | Self::Silent => Some("the ledger cannot be reached"),
            _ => None,
        }
    }

    /// True when the database has no room.
    pub(crate) fn is_full_disk(&self) -> bool {
        match self {
            Self::Sqlite {
                source: rusqlite::Error::SqliteFailure(error, _),
            } => SQLITE_FULL.contains(&error.extended_code),
            Self::Postgres { state, .. } => state == FULL,
            _ => false,
        }
    }

    /// True when the server is not there, or about to start or to stop.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent => true,
            Self::Postgres { state, .. } => state.starts_with("57P"),
            _ => false,
        }
    }

    /// True when the whole transaction may succeed if it is repeated at once.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Postgres { state, .. } if CONFLICTS.contains(&&**state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(state: &str) -> DatabaseError {
        DatabaseError::Postgres {
            state: state.to_owned(),
            message: String::new(),
        }
    }

    #[test]
    fn a_database_that_is_down_is_told_from_a_statement_that_is_wrong() {
        let down = [
            "53100", "53300", "57P01", "57P03", "25006", "08006", "57014",
        ];

        assert!(down.iter().all(|state| postgres(state).outage().is_some()));
        assert!(DatabaseError::Silent.outage().is_some());
        assert_eq!(postgres("42601").outage(), None);
        assert_eq!(postgres("23505").outage(), None);
    }

    #[test]
    fn only_what_another_transaction_caused_is_repeated() {
        assert!(postgres("40001").is_conflict());
        assert!(postgres("40P01").is_conflict());
        assert!(!postgres("23502").is_conflict());
    }
}
