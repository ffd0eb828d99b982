//! What an error asks for: another server, another try, or an administrator.

use chatkeep_pipeline::{StageError, Verdict};

use super::DatabaseError;

/// Errors that pass: deadlock, time-out of a lock, the database is being recovered or moved
/// ([sys.messages] 1205, 1222, 922, 927, 945, 976, 983).
const PASSING: [u32; 7] = [1205, 1222, 922, 927, 945, 976, 983];

impl DatabaseError {
    /// True when another server may have the database.
    pub(in crate::database) fn may_be_elsewhere(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::Connect { .. }
                | Self::Silent { .. }
                | Self::Instance { .. }
                | Self::Open { .. }
                | Self::Handshake { .. }
        )
    }

    /// True when the same statement may succeed on a new connection.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused { number, .. } => PASSING.contains(number),
            Self::Lost { .. } | Self::Slow { .. } => true,
            _ => self.is_outage(),
        }
    }

    /// True when nothing can be known before the server is back.
    fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::Connect { .. }
                | Self::Silent { .. }
                | Self::Instance { .. }
                | Self::Lost { .. }
        )
    }

    /// The same as an error of a task. A server that is away is waited for; what only an administrator can
    /// change fails the run at once.
    pub(crate) fn into_stage(self, action: &'static str) -> StageError {
        if let Self::Keep { source } = self {
            return StageError::retry(action, source);
        }
        let action = self.in_a_word().unwrap_or(action);
        let verdict = if self.is_outage() {
            Verdict::Wait
        } else if self.is_passing() {
            Verdict::Retry
        } else {
            Verdict::Reject
        };
        StageError::new(verdict, action, self)
    }

    /// What an administrator has to change, as the reason of a failed run says it.
    fn in_a_word(&self) -> Option<&'static str> {
        match self {
            Self::Secret { .. } => Some("read database: its login cannot be had"),
            Self::Login { .. } => Some("read database: login refused"),
            Self::Open { .. } => Some("read database: not there, or not for this login"),
            Self::Authority { .. } | Self::Tls { .. } => Some("read database: TLS failed"),
            Self::Denied { .. } => Some("read database: the login may not read it"),
            Self::Missing { .. } | Self::Types { .. } => {
                Some("read database: columns are missing or of another type")
            }
            Self::Rebuilt { .. } => {
                Some("read database: it was rebuilt since it was read; see identity in the manual")
            }
            _ => None,
        }
    }
}
