use std::{fmt, io, sync::Arc};

use azure_core::{error::ErrorKind, http::StatusCode};

use crate::error::OUTAGE;

/// A request that did not succeed. Says which container and what the service answered; never the
/// SDK's own words, which may quote an address with its signature.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) container: Arc<str>,
    pub(super) problem: Problem,
}

/// What a failure means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Nobody answers, or not in time.
    NoAnswer,
    /// The service is busy or broken.
    Busy(Answer),
    /// The service lets us not in, or not do this.
    Refused(Answer),
    /// The credential yields no token; with Entra's error code, where it gave one.
    NoToken(Option<String>),
    /// There is no such container.
    NoContainer,
    /// There is no such container, and we may not make it.
    MayNotMake,
    /// There is no such blob.
    NoBlob,
    /// The range begins behind the end of the blob.
    NoRange,
    /// The blob or container is there already.
    Exists,
    /// Blocks are not there that were sent: somebody else has made a blob of them.
    NoBlocks,
    /// The service says something else.
    Unexpected(Answer),
    /// The answer cannot be understood.
    Unintelligible,
}

/// What the service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: u16,
    code: String,
}

impl Failure {
    pub(super) fn with(self, problem: Problem) -> Self {
        Self { problem, ..self }
    }
}

impl Problem {
    pub(super) fn of(error: &azure_core::Error) -> Self {
        match error.kind() {
            ErrorKind::HttpResponse {
                status, error_code, ..
            } => Self::of_answer(*status, error_code.as_deref().unwrap_or_default()),
            ErrorKind::Connection | ErrorKind::Io => Self::NoAnswer,
            ErrorKind::Credential => Self::NoToken(entra_code(error)),
            _ => Self::Unintelligible,
        }
    }

    fn of_answer(status: StatusCode, code: &str) -> Self {
        let answer = Answer {
            status: status.into(),
            // It comes from the other side: nothing but a word gets into an error.
            code: code.chars().filter(char::is_ascii_alphanumeric).collect(),
        };
        match (answer.status, answer.code.as_str()) {
            (404, "ContainerNotFound") => Self::NoContainer,
            (404, _) => Self::NoBlob,
            (409, "BlobAlreadyExists" | "ContainerAlreadyExists") | (412, _) => Self::Exists,
            (400, "InvalidBlockList") => Self::NoBlocks,
            (416, _) => Self::NoRange,
            (401 | 403, _) => Self::Refused(answer),
            (409, "ContainerBeingDeleted") | (408 | 429 | 500.., _) => Self::Busy(answer),
            _ => Self::Unexpected(answer),
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            Self::NoAnswer
            | Self::Busy(_)
            | Self::Refused(_)
            | Self::NoToken(_)
            | Self::NoContainer
            | Self::MayNotMake => OUTAGE,
            Self::NoBlob => io::ErrorKind::NotFound,
            Self::NoRange
            | Self::Exists
            | Self::NoBlocks
            | Self::Unexpected(_)
            | Self::Unintelligible => io::ErrorKind::Other,
        }
    }
}

/// Entra's own number of an error, e.g. `AADSTS7000215` for a wrong secret.
fn entra_code(error: &azure_core::Error) -> Option<String> {
    let text = format!("{error:?}");
    let start = text.find("AADSTS")?;
    let is_code = |c: &char| c.is_ascii_alphanumeric();
    Some(text[start..].chars().take_while(is_code).take(20).collect())
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.problem.kind(), failure)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let container = &self.container;
        match &self.problem {
            Problem::NoAnswer => write!(f, "{container} does not answer"),
            Problem::Busy(answer) => write!(f, "{container} is busy ({answer})"),
            Problem::Refused(answer) => write!(f, "{container} refuses the credential ({answer})"),
            Problem::NoToken(Some(code)) => write!(f, "no token for {container} ({code})"),
            Problem::NoToken(None) => write!(f, "no token for {container}"),
            Problem::NoContainer => write!(f, "{container} does not exist"),
            Problem::MayNotMake => write!(
                f,
                "{container} does not exist, and the credential may not create it"
            ),
            Problem::NoBlob => write!(f, "{container} has no such blob"),
            Problem::NoRange => write!(f, "{container} has a shorter blob"),
            Problem::Exists => write!(f, "{container} has it already"),
            Problem::NoBlocks => write!(f, "{container} has lost blocks of the blob"),
            Problem::Unexpected(answer) => write!(f, "{container} answers {answer}"),
            Problem::Unintelligible => write!(f, "{container} gives no intelligible answer"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}
