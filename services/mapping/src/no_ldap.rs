//! Stands in for `ldap` where the program is built without it.

#![expect(
    clippy::unused_async,
    reason = "who calls them does not know which of both there is"
)]

use std::io::Write;

use chatkeep_model::connector::LdapDirectory;

use crate::mirrored::{Previous, Users};

/// Why the users of Active Directory cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this program is built without Active Directory; build it with the feature `microsoft365`")]
pub struct LdapProblem;

impl LdapProblem {
    /// Whether nothing is wrong but that somebody does not answer.
    pub fn is_outage(self) -> bool {
        false
    }
}

pub(crate) async fn sample_mailbox(_: &LdapDirectory) -> Result<Option<String>, LdapProblem> {
    Err(LdapProblem)
}

pub(crate) async fn read<W: Write + Send + 'static>(
    _: &LdapDirectory,
    _: Option<Previous>,
    _: W,
) -> Result<Users<W>, LdapProblem> {
    Err(LdapProblem)
}
