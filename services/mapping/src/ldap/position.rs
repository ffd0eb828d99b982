//! How far a domain controller's changes are known. Every controller counts them for itself.

use data_encoding::HEXLOWER;

use super::{entry::Entry, problem::LdapProblem, session::Session};

/// Changes are read again so far back: a change that was begun earlier can be committed later.
const OVERLAP: u64 = 1_000;

/// Up to where the changes of one domain controller are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The controller's `invocationId`: it changes when the controller is restored from a backup, and its
    /// numbers begin anew.
    controller: String,
    /// Its `highestCommittedUSN`.
    usn: u64,
}

impl Position {
    /// Asks for the position as it is now: before anything else is read, so that what changes meanwhile
    /// is read again. `None` of a server that does not say which one it is: an ordinary LDAP server, or
    /// an account that may not read the configuration.
    pub(super) async fn ask(session: &mut Session<'_>) -> Result<Option<Self>, LdapProblem> {
        let names = ["dsServiceName", "highestCommittedUSN"];
        let root = session.root(&names).await?;
        let (Some(service), Some(usn)) = (root.text(names[0]), root.text(names[1])) else {
            return Ok(None);
        };
        let Ok(usn) = usn.parse() else {
            return Ok(None);
        };
        let service = session.object(service, "invocationId").await?;
        let controller =
            |service: Entry| service.first("invocationId").map(|id| HEXLOWER.encode(id));
        Ok(service
            .and_then(controller)
            .map(|controller| Self { controller, usn }))
    }

    /// From which number on changes are to be read to get from `self` to `now`; `None` when that cannot
    /// be said: by another controller, or by one that was set back.
    pub(super) fn changes_until(&self, now: &Self) -> Option<u64> {
        let goes_on = self.controller == now.controller && self.usn <= now.usn;
        goes_on.then(|| self.usn.saturating_sub(OVERLAP))
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (controller, usn) = text.split_once(' ')?;
        Some(Self {
            controller: controller.to_owned(),
            usn: usn.parse().ok()?,
        })
    }

    /// The position as it is stored.
    pub(super) fn to_text(&self) -> String {
        format!("{} {}", self.controller, self.usn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(controller: &str, usn: u64) -> Position {
        Position {
            controller: controller.to_owned(),
            usn,
        }
    }

    #[test]
    fn only_the_same_controller_that_was_not_set_back_can_tell_what_changed() {
        let known = position("aa", 5_000);

        assert_eq!(known.changes_until(&position("aa", 6_000)), Some(4_000));
        assert_eq!(known.changes_until(&position("aa", 4_999)), None);
        assert_eq!(known.changes_until(&position("bb", 6_000)), None);
        assert_eq!(Position::parse(&known.to_text()), Some(known));
    }
}
