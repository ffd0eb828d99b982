use std::io;

use chatkeep_runtime::{secret::SecretError, tls::TlsError};
use chatkeep_staging::FrameError;
use ldap3::{LdapError, LdapResult};

use super::answer::Malformed;

/// Why the directory cannot be read: what failed, and what to do about it. Never quotes the server, nor
/// names a user.
#[derive(Debug, thiserror::Error)]
pub enum LdapProblem {
    /// User or password cannot be read.
    #[error("directory.{key}: cannot be read; check the reference")]
    Secret {
        /// `user` or `password`.
        key: &'static str,
        /// The reason.
        source: SecretError,
    },
    /// An empty password signs in as nobody, and most servers say yes to it (RFC 4513, 5.1.2).
    #[error("directory.password: is empty; nobody would be signed in")]
    NoPassword,
    /// The certificate authorities cannot be used.
    #[error("directory.ca: cannot be used")]
    Ca {
        /// The reason.
        source: TlsError,
    },
    /// The filter cannot be read.
    #[error("directory.filter: is not an LDAP filter (RFC 4515); write e.g. (objectClass=user)")]
    Filter,
    /// The address cannot be one.
    #[error(
        "directory.url: is not the address of an LDAP server; write e.g. ldaps://dc01.contoso.com"
    )]
    Url,
    /// Nothing listens there.
    #[error(
        "directory.url: cannot be reached; check name, port (636, or 389 with starttls) and firewall"
    )]
    Unreachable {
        /// The system's reason.
        source: io::Error,
    },
    /// The server's certificate is not trusted, or it speaks no TLS.
    #[error(
        "directory.url: no TLS with this server; the certificate must be for this name and of an authority \
         that is trusted: name the one of your domain in directory.ca"
    )]
    Tls {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server says nothing.
    #[error("the domain controller does not answer in time (directory.timeout)")]
    Silent,
    /// The connection broke off.
    #[error("the connection to the domain controller broke off")]
    Lost,
    /// The answers are none of LDAP, or not to what was asked.
    #[error(
        "directory.url: what answers there is not LDAP as it should be (RFC 4511); check that it is a domain \
         controller, and what stands between"
    )]
    Malformed,
    /// A part of an attribute's values ends before it begins, or is empty and not the last.
    #[error(
        "directory.url: the server hands out {attribute} in ranges that lead nowhere; check that it is a domain \
         controller"
    )]
    Standstill {
        /// The attribute.
        attribute: &'static str,
    },
    /// An attribute of a user has more values than Active Directory can keep, or longer ones.
    #[error(
        "directory.url: a user there has {values} values of {attribute}, more than a domain controller keeps; \
         check that it is one"
    )]
    TooMany {
        /// The attribute.
        attribute: &'static str,
        /// Values that came or were announced.
        values: usize,
    },
    /// The mirror of the last refresh cannot be read now.
    #[error("read the users of the last refresh")]
    Known {
        /// The reason.
        source: FrameError,
    },
    /// The mirror cannot be written.
    #[error("write the users")]
    Write {
        /// The reason.
        source: FrameError,
    },
    /// What worked on it panicked.
    #[error("work on the users")]
    Broken,
    /// It was refused.
    #[error("{action}: {}", remedy(*.code, *.detail))]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The result code (RFC 4511, appendix A).
        code: u32,
        /// The number behind `data` in what Active Directory says about a sign-in that failed.
        detail: Option<u32>,
    },
}

impl LdapProblem {
    /// Whether trying again can help: nothing is wrong but that somebody does not answer.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent | Self::Lost => true,
            Self::Known { source } | Self::Write { source } => source.is_outage(),
            // busy, unavailable, time limit.
            Self::Refused { code, .. } => matches!(code, 3 | 51 | 52),
            _ => false,
        }
    }

    /// Refuses every result but success.
    pub(super) fn expect_success(action: &'static str, result: &LdapResult) -> Result<(), Self> {
        match result.rc {
            0 => Ok(()),
            code => Err(Self::Refused {
                action,
                code,
                detail: detail(&result.text),
            }),
        }
    }

    /// What became of a request, as the library says it.
    pub(super) fn of(action: &'static str, error: LdapError) -> Self {
        match error {
            LdapError::Timeout { .. } => Self::Silent,
            LdapError::FilterParsing => Self::Filter,
            LdapError::LdapResult { result } => Self::Refused {
                action,
                code: result.rc,
                detail: detail(&result.text),
            },
            _ => Self::Lost,
        }
    }

    /// Why there is no TLS.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        let source = error;
        if is_tls(&source) {
            Self::Tls {
                source: source.into(),
            }
        } else {
            Self::Unreachable { source }
        }
    }
}

impl From<Malformed> for LdapProblem {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

fn is_tls(error: &io::Error) -> bool {
    let cause = error.get_ref();
    cause.is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
        // A server that closes the connection in the middle of the handshake.
        || error.kind() == io::ErrorKind::UnexpectedEof
}

/// The number in `AcceptSecurityContext error, data 52e, v3839`, hexadecimal there.
fn detail(text: &str) -> Option<u32> {
    let (_, number) = text.split_once("data ")?;
    let end = number.find(|c: char| !c.is_ascii_hexdigit());
    u32::from_str_radix(&number[..end.unwrap_or(number.len())], 16).ok()
}

/// What to do about a result code. The details are Windows' error codes ([MS-ERREF] 2.2).
fn remedy(code: u32, detail: Option<u32>) -> String {
    let text = match (code, detail) {
        (49, Some(0x532 | 0x773)) => {
            "the account's password has expired; set a new one, and that it never expires"
        }
        (49, Some(0x533 | 0x701)) => "the account is disabled or has expired; enable it",
        (49, Some(0x775)) => "the account is locked; unlock it: Unlock-ADAccount",
        (49, _) => {
            "user or password is wrong; write the user as CN=..., user@domain or DOMAIN\\user"
        }
        (1, _) => "nobody is signed in; check directory.user and directory.password",
        (7 | 8 | 13, _) => {
            "the server wants the connection protected; use ldaps:// or starttls = true"
        }
        (4 | 11, _) => {
            "the server has a limit below the number of users; lower directory.page_size, or raise the limit \
             for this account"
        }
        (10 | 32, _) => {
            "directory.base is not there, or not readable for this account; write it as DC=corp,DC=example"
        }
        (12, _) => {
            "the server does not hand out pages (1.2.840.113556.1.4.319); use a domain controller"
        }
        (34, _) => "directory.base is not a distinguished name; write it as DC=corp,DC=example",
        (50, _) => {
            "the account may not read users; give it Read on the base: dsacls BASE /I:S /G ACCOUNT:GR;;user"
        }
        (3 | 51 | 52, _) => "the server is busy; it is asked again",
        (2, _) => "the server does not speak LDAP version 3, or no TLS on this port",
        _ => "the server refuses",
    };
    format!("{text} (LDAP result {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u32, text: &str) -> String {
        let problem = LdapProblem::Refused {
            action: "sign in",
            code,
            detail: detail(text),
        };
        problem.to_string()
    }

    #[test]
    fn what_active_directory_says_about_a_sign_in_is_understood() {
        let says = |data: &str| {
            format!(
                "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v3839"
            )
        };

        assert!(refused(49, &says("52e")).contains("wrong"));
        assert!(refused(49, &says("532")).contains("expired"));
        assert!(refused(49, &says("775")).contains("Unlock-ADAccount"));
    }
}
