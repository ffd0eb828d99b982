use std::{fmt, io, time::Duration};

use super::{
    frame::TooLong,
    response::{Code, Kind, Status},
};
use crate::target::{Refusal, TargetError};

/// How long to leave a mailbox alone whose server does not say.
const PAUSE: Duration = Duration::from_secs(30);
/// How long to leave a mailbox alone at whose folder the connection broke off.
const SHORT_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause a server can ask for; beyond it we look again.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Why a conversation with an IMAP server went wrong. Never quotes the server's text: it may name
/// mailboxes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImapError {
    #[error("find {host}")]
    Resolve { host: String, source: io::Error },
    #[error("connect to {host} port {port}")]
    Connect {
        host: String,
        port: u16,
        source: io::Error,
    },
    #[error("negotiate TLS")]
    Tls { source: io::Error },
    #[error("exchange bytes with the server")]
    Io { source: io::Error },
    #[error("hear from the server in time")]
    Silent,
    #[error("the server closed the connection{}", reason(bye.as_deref()))]
    Closed { bye: Option<Box<Status>> },
    #[error("{source}")]
    TooLong { source: TooLong },
    #[error("the server does not answer as an IMAP server")]
    NotImap,
    #[error("{command}: the server refuses{}", reason(Some(status)))]
    Refused {
        command: &'static str,
        status: Box<Status>,
    },
    #[error("the server offers no {0}")]
    Missing(&'static str),
    #[error("the folder's name contains the server's delimiter {0}")]
    Name(char),
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The folder is not there.
    NoFolder,
    /// Not now.
    Busy(Duration),
    /// Not for this user.
    Login,
    /// Signed in, and yet not let into the mailbox: how Exchange Online answers whom it does not know.
    NotConnected,
    /// Not this message.
    Message(Refusal),
}

impl Status {
    /// The status, when it is OK.
    pub(crate) fn expect_ok(self, command: &'static str) -> Result<Self, ImapError> {
        if self.kind == Kind::Ok {
            return Ok(self);
        }
        Err(ImapError::Refused {
            command,
            status: Box::new(self),
        })
    }

    /// What the refusal means, by its code, else by the words that servers without codes use.
    pub(crate) fn meaning(&self) -> Meaning {
        let text = self.text.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // Exchange Online: "Request is throttled. Suggested Backoff Time: 299609 milliseconds".
        if says(&["throttled", "suggested backoff time"]) {
            return Meaning::Busy(backoff(&text).unwrap_or(PAUSE));
        }
        if let Code::Named(code) = &self.code {
            match code.as_str() {
                "TRYCREATE" | "NONEXISTENT" => return Meaning::NoFolder,
                "OVERQUOTA" => return Meaning::Message(Refusal::Quota),
                "TOOBIG" | "LIMIT" => return Meaning::Message(Refusal::TooLarge),
                "UNAVAILABLE" | "INUSE" | "SERVERBUG" => return Meaning::Busy(PAUSE),
                "AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED" | "EXPIRED" => {
                    return Meaning::Login;
                }
                _ => {}
            }
        }
        // Exchange Online says OK to the token of any application, and this to the first command behind it.
        if says(&["authenticated but not connected"]) {
            Meaning::NotConnected
        } else if says(&[
            "server unavailable",
            "try again",
            "temporar",
            "connection closed",
        ]) {
            Meaning::Busy(PAUSE)
        } else if says(&["maximum size", "too large", "too big", "size limit"]) {
            Meaning::Message(Refusal::TooLarge)
        } else if says(&["quota"]) {
            Meaning::Message(Refusal::Quota)
        } else {
            Meaning::Message(Refusal::Item)
        }
    }
}

fn backoff(text: &str) -> Option<Duration> {
    let (_, time) = text.split_once("backoff time:")?;
    let digits = time.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let millis = digits[..end.unwrap_or(digits.len())].parse().ok()?;
    Some(Duration::from_millis(millis).min(LONGEST_PAUSE))
}

/// The code of a refusal, for people.
fn reason(status: Option<&Status>) -> String {
    match status.map(|status| &status.code) {
        Some(Code::Named(code)) => format!(" with {}", Plain(code)),
        _ => String::new(),
    }
}

/// A code as far as it is one.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        self.0
            .chars()
            .filter(is_plain)
            .take(32)
            .try_for_each(|c| write!(f, "{c}"))
    }
}

impl ImapError {
    /// How long the server asks to be left alone, if it does.
    fn pause(&self) -> Option<Duration> {
        let status = match self {
            Self::Closed { bye } => bye.as_deref()?,
            Self::Refused { status, .. } => status,
            _ => return None,
        };
        match status.meaning() {
            Meaning::Busy(pause) => Some(pause),
            _ => None,
        }
    }

    /// Whether the server let somebody sign in and has no mailbox for them.
    fn is_not_connected(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.meaning() == Meaning::NotConnected)
    }

    /// Whether the server refuses because too many are signed in.
    fn is_crowded(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.code == Code::Named("LIMIT".to_owned()))
    }

    /// As an error before anybody is signed in: it stands for the whole target.
    pub(crate) fn before_login(self) -> TargetError {
        match self.pause() {
            Some(after) => TargetError::Busy { after },
            None => TargetError::Unreachable {
                source: self.into(),
            },
        }
    }

    /// As an error while signing in.
    pub(crate) fn at_login(self) -> TargetError {
        match (&self, self.pause()) {
            (_, Some(after)) => TargetError::Busy { after },
            _ if self.is_crowded() => TargetError::Busy { after: PAUSE },
            _ if self.is_not_connected() => TargetError::NotConnected {
                source: self.into(),
            },
            (Self::Refused { .. } | Self::Missing(_), None) => TargetError::Login {
                source: self.into(),
            },
            _ => self.before_login(),
        }
    }

    /// As an error of a mailbox whose folder is being opened. A connection that breaks off here may be
    /// this mailbox's fault: others are not held up by it.
    pub(crate) fn at_folder(self) -> TargetError {
        let meaning = match &self {
            Self::Refused { status, .. } => Some(status.meaning()),
            _ => None,
        };
        match (meaning, self.pause()) {
            (_, Some(after)) => TargetError::Busy { after },
            (Some(Meaning::Login), None) => TargetError::Login {
                source: self.into(),
            },
            (Some(Meaning::NotConnected), None) => TargetError::NotConnected {
                source: self.into(),
            },
            (Some(_), None) => TargetError::Folder {
                source: self.into(),
            },
            (None, None) => match self {
                Self::Name(_) => TargetError::Setup {
                    source: self.into(),
                },
                _ => TargetError::Busy { after: SHORT_PAUSE },
            },
        }
    }

    /// As an error of an open folder.
    pub(crate) fn in_session(self) -> TargetError {
        match self.pause() {
            Some(after) if matches!(self, Self::Refused { .. }) => TargetError::Busy { after },
            _ => TargetError::Lost {
                source: self.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(code: Code, text: &str) -> Meaning {
        let status = Status {
            kind: Kind::No,
            code,
            text: text.to_owned(),
        };
        status.meaning()
    }

    #[test]
    fn a_throttling_server_is_left_alone_as_long_as_it_asks() {
        let text = "Request is throttled. Suggested Backoff Time: 299609 milliseconds";

        assert_eq!(
            meaning(Code::None, text),
            Meaning::Busy(Duration::from_millis(299_609))
        );
    }

    #[test]
    fn authenticated_but_not_connected_is_no_refused_folder() {
        let status = Status {
            kind: Kind::Bad,
            code: Code::None,
            text: "User is authenticated but not connected.".to_owned(),
        };
        let refused = || status.clone().expect_ok("ask for namespaces").unwrap_err();

        for error in [refused().at_login(), refused().at_folder()] {
            assert!(
                matches!(error, TargetError::NotConnected { .. }),
                "{error:?}"
            );
            assert!(
                error.to_string().contains("Add-MailboxPermission"),
                "{error}"
            );
        }
    }

    #[test]
    fn refusals_are_understood_with_and_without_codes() {
        let named = |code: &str| Code::Named(code.to_owned());

        assert_eq!(meaning(named("TRYCREATE"), "x"), Meaning::NoFolder);
        assert_eq!(
            meaning(named("OVERQUOTA"), "x"),
            Meaning::Message(Refusal::Quota)
        );
        let exchange = "Maximum size of appendable message has been exceeded.";
        assert_eq!(
            meaning(Code::None, exchange),
            Meaning::Message(Refusal::TooLarge)
        );
        assert_eq!(
            meaning(Code::None, "Server Unavailable. 15"),
            Meaning::Busy(PAUSE)
        );
        assert_eq!(
            meaning(Code::None, "Message contains NUL characters"),
            Meaning::Message(Refusal::Item)
        );
    }
}
