use std::time::Duration;

/// Any error that can cross threads.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The secret, certificate or token file cannot be read or used, or a client cannot be made.
    #[error("use credential")]
    Setup {
        /// The reason.
        source: BoxError,
    },
    /// Entra ID does not answer, or says that it cannot.
    #[error("reach Entra ID")]
    Unreachable,
    /// Entra ID does not take the credential.
    #[error("sign in to Entra ID: {code}{}", aadsts(*.number))]
    Refused {
        /// The error's name, e.g. `invalid_client` (RFC 6749, 5.2).
        code: String,
        /// Entra ID's own number, e.g. 7000215 for `AADSTS7000215`.
        number: Option<u32>,
    },
    /// The answer is none of Entra ID.
    #[error("read the answer of Entra ID")]
    Answer,
}

fn aadsts(number: Option<u32>) -> String {
    number.map_or_else(String::new, |number| format!(" (AADSTS{number})"))
}

/// What became of a request that was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// Too many requests: this one was not carried out.
    #[error("ask Microsoft Graph: throttled ({status})")]
    Throttled {
        /// How long to wait, where Graph says so.
        after: Option<Duration>,
        /// The HTTP status.
        status: u16,
    },
    /// No answer, or one that does not say what became of the request.
    #[error("ask Microsoft Graph: unavailable")]
    Unavailable {
        /// How long to wait, where Graph says so.
        after: Option<Duration>,
        /// Whether bytes of the request were sent: then it may have been carried out, or still be.
        maybe_done: bool,
    },
    /// Graph says no; the request was not carried out.
    #[error("ask Microsoft Graph: refused ({status} {code})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// `error.code` of the answer, never its message; empty where there is none.
        code: String,
    },
    /// There is no token to ask with.
    #[error("ask Microsoft Graph")]
    Auth(#[source] AuthError),
    /// The request cannot be sent, or the answer is none of Graph.
    #[error("ask Microsoft Graph: not a request or an answer of it")]
    Invalid,
}

impl GraphError {
    /// Whether the same request may be answered later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Auth(AuthError::Unreachable) => true,
            Self::Refused { .. } | Self::Auth(_) | Self::Invalid => false,
        }
    }

    /// How long Graph asks to be left alone.
    pub fn after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { after, .. } | Self::Unavailable { after, .. } => *after,
            Self::Refused { .. } | Self::Auth(_) | Self::Invalid => None,
        }
    }

    /// `error.code` of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}
