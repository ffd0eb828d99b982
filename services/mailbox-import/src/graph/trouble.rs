//! Why a request was not answered as asked.

use std::time::Duration;

use chatkeep_microsoft365::GraphError;

use crate::target::TargetError;

/// How long to leave a mailbox alone of which Graph does not say when it will answer again.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It was not carried out; the mailbox takes nothing for so long.
    Busy(Duration),
    /// It may have been carried out, or still be.
    Doubtful {
        /// How long Graph asks to be left alone.
        after: Option<Duration>,
        source: GraphError,
    },
    /// Nothing was sent: Graph or Entra ID is not there.
    Unreachable(GraphError),
    /// The application does not get in anywhere.
    Setup(GraphError),
    /// It was not carried out, for good.
    Refused { status: u16, code: String },
}

/// Why Graph refused something, for people: never its text.
#[derive(Debug, thiserror::Error)]
#[error("Microsoft Graph refuses it ({status} {code})")]
pub(super) struct Refused {
    status: u16,
    code: String,
}

/// Whether a refusal says that nobody has the name of a mailbox.
pub(super) fn says_unknown_name(code: &str) -> bool {
    const CODES: [&str; 2] = ["ErrorInvalidUser", "Request_ResourceNotFound"];
    CODES.iter().any(|known| known.eq_ignore_ascii_case(code))
}

impl Trouble {
    /// Whether the mailbox is not there, or not in the cloud.
    pub(super) fn is_no_mailbox(&self) -> bool {
        const CODES: [&str; 5] = [
            "MailboxNotEnabledForRESTAPI",
            "MailboxNotHostedInExchangeOnline",
            "ErrorInvalidUser",
            "ErrorNonExistentMailbox",
            "Request_ResourceNotFound",
        ];
        matches!(self, Self::Refused { code, .. } if CODES.iter().any(|known| known.eq_ignore_ascii_case(code)))
    }

    /// Whether nobody has the name of the mailbox.
    pub(super) fn is_unknown_name(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if says_unknown_name(code))
    }

    /// Whether what was named is not there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 404 | 410,
                ..
            }
        ) && !self.is_no_mailbox()
    }

    /// As an error of a folder that is being opened.
    pub(super) fn at_folder(self) -> TargetError {
        match self {
            trouble if trouble.is_no_mailbox() => TargetError::NoMailbox,
            Self::Refused { status: 403, code } => TargetError::Login {
                source: Refused { status: 403, code }.into(),
            },
            Self::Refused { status, code } => TargetError::Folder {
                source: Refused { status, code }.into(),
            },
            Self::Doubtful { after, .. } => TargetError::Busy {
                after: after.unwrap_or(PAUSE),
            },
            trouble => trouble.in_folder(),
        }
    }

    /// As an error of an open folder.
    pub(super) fn in_folder(self) -> TargetError {
        match self {
            trouble if trouble.is_no_mailbox() => TargetError::NoMailbox,
            Self::Busy(after) => TargetError::Busy { after },
            Self::Doubtful { source, .. } => TargetError::Lost {
                source: source.into(),
            },
            Self::Unreachable(source) => TargetError::Unreachable {
                source: source.into(),
            },
            Self::Setup(source) => TargetError::Setup {
                source: source.into(),
            },
            Self::Refused { status, code } => TargetError::Lost {
                source: Refused { status, code }.into(),
            },
        }
    }
}
