//! Why a request was not answered as asked.

use std::time::Duration;

use crate::target::{Refusal, TargetError};

/// How long to leave a mailbox alone of which Exchange does not say when it will answer again.
pub(super) const PAUSE: Duration = Duration::from_secs(30);
/// The longest name of an error that is passed on.
const LONGEST: usize = 100;

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not carried out; the mailbox takes nothing for so long.
    Busy(Duration),
    /// It may have been carried out, or still be.
    Doubtful(EwsError),
    /// Nothing was sent: the server is not there.
    Unreachable(EwsError),
    /// The account does not get in anywhere, or the address is not that of the service.
    Setup(EwsError),
    /// The account does not get into this mailbox.
    Login(EwsError),
    /// There is no such mailbox.
    NoMailbox,
    /// What was named is not there.
    Missing,
    /// A folder of this name is there.
    Exists,
    /// It was not carried out, for good.
    Refusal(Refusal),
}

/// What Exchange answered, for people: never its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EwsError {
    #[error("ask Exchange: no answer; check target.url and the firewall")]
    Silent,
    #[error(
        "ask Exchange: no TLS with this server; the certificate must be for the name in target.url and of an \
         authority that is trusted: name the one of your domain in target.ca"
    )]
    Untrusted,
    #[error("ask Exchange: refused (HTTP {0})")]
    Status(u16),
    #[error("ask Exchange: refused ({0})")]
    Code(String),
    #[error("ask Exchange: not an answer of Exchange Web Services; check target.url")]
    Invalid,
}

impl Failure {
    /// The meaning of a response code ([MS-OXWSCDATA] 2.2.5.24). What is not known to leave nothing behind
    /// may have been carried out.
    pub(super) fn of(code: &str, after: Option<Duration>) -> Self {
        match code {
            // The batch was stopped before this item.
            "ErrorServerBusy"
            | "ErrorBatchProcessingStopped"
            | "ErrorExceededConnectionCount"
            | "ErrorTooManyObjectsOpened" => Self::Busy(after.unwrap_or(PAUSE)),
            "ErrorNonExistentMailbox" | "ErrorMissingEmailAddress" | "ErrorInvalidSmtpAddress" => {
                Self::NoMailbox
            }
            "ErrorAccessDenied"
            | "ErrorAccountDisabled"
            | "ErrorCreateItemAccessDenied"
            | "ErrorImpersonateUserDenied"
            | "ErrorImpersonationDenied"
            | "ErrorImpersonationFailed" => Self::Login(EwsError::Code(code.to_owned())),
            "ErrorFolderNotFound"
            | "ErrorParentFolderNotFound"
            | "ErrorSavedItemFolderNotFound"
            | "ErrorItemNotFound" => Self::Missing,
            "ErrorFolderExists" => Self::Exists,
            "ErrorQuotaExceeded" => Self::Refusal(Refusal::Quota),
            "ErrorMessageSizeExceeded" | "ErrorAttachmentSizeLimitExceeded" => {
                Self::Refusal(Refusal::TooLarge)
            }
            "ErrorMimeContentConversionFailed"
            | "ErrorMimeContentInvalid"
            | "ErrorMimeContentInvalidBase64String"
            | "ErrorSchemaValidation" => Self::Refusal(Refusal::Item),
            code => Self::Doubtful(EwsError::Code(plain(code))),
        }
    }

    /// As an error of a folder that is being opened.
    pub(super) fn at_folder(self) -> TargetError {
        match self {
            Self::Doubtful(_) => TargetError::Busy { after: PAUSE },
            failure => failure.in_folder(),
        }
    }

    /// As an error of an open folder.
    pub(super) fn in_folder(self) -> TargetError {
        match self {
            Self::Busy(after) => TargetError::Busy { after },
            Self::Doubtful(error) => TargetError::Lost {
                source: error.into(),
            },
            Self::Unreachable(error) => TargetError::Unreachable {
                source: error.into(),
            },
            Self::Setup(error) => TargetError::Setup {
                source: error.into(),
            },
            Self::Login(error) => TargetError::Login {
                source: error.into(),
            },
            Self::NoMailbox => TargetError::NoMailbox,
            Self::Missing => folder("it is not there"),
            Self::Exists => folder("it is there, and is not found"),
            Self::Refusal(_) => folder("Exchange refuses it"),
        }
    }
}

fn folder(source: &'static str) -> TargetError {
    TargetError::Folder {
        source: source.into(),
    }
}

/// The name of an error, if it is one. Anything else could be text.
fn plain(code: &str) -> String {
    let is_plain = code.len() <= LONGEST && code.chars().all(|c| c.is_ascii_alphanumeric());
    if is_plain { code } else { "unknown" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_nobody_knows_may_have_left_a_message_behind() {
        for code in ["ErrorInternalServerTransientError", "ErrorItemSave", ""] {
            let failure = Failure::of(code, None);
            assert!(matches!(failure, Failure::Doubtful(_)), "{code}");
        }
    }

    #[test]
    fn what_is_no_name_of_an_error_is_not_passed_on() {
        let Failure::Doubtful(error) = Failure::of("The user ann@contoso.com", None) else {
            panic!("it is known");
        };

        assert_eq!(error, EwsError::Code("unknown".to_owned()));
    }
}
