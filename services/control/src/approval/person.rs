//! Who may propose, and who may decide.

use chatkeep_proto::v1::Actor;

use crate::error::LedgerError;

/// Roles that together change connectors, as the console names them in a call.
const ROLES: [&str; 2] = ["Data Connector Admin", "Mailbox Import Export"];

/// How subjects begin that are users of a system: the command line's.
const SYSTEM_USER: &str = "cli:";

/// Longest text that is said about a proposal, in characters.
const LONGEST: usize = 2_000;

/// Nobody in particular cannot be told apart from somebody else.
pub(super) fn check_named(actor: &Actor, unknown: &str) -> Result<(), LedgerError> {
    if actor.subject == unknown {
        return Err(LedgerError::Forbidden(
            "changes have to be approved here: the call must say who makes it",
        ));
    }
    Ok(())
}

/// Whether somebody may decide about what another one has proposed.
pub(super) fn check_decider(actor: &Actor, proposer: &str) -> Result<(), LedgerError> {
    if actor.subject == proposer {
        return Err(LedgerError::Forbidden(
            "another person has to decide about it than the one who proposed it",
        ));
    }
    // Somebody who has signed in may be a user of a system, too, under another subject.
    let is_system = |subject: &str| subject.starts_with(SYSTEM_USER);
    if is_system(&actor.subject) != is_system(proposer) {
        return Err(LedgerError::Forbidden(
            "what somebody proposed who has signed in, only somebody decides who has signed in; what a \
             user of the command line proposed, another user of the command line",
        ));
    }
    // Users of a system have no roles: who reaches control that way may call everything.
    let has_roles = ROLES
        .iter()
        .all(|role| actor.roles.iter().any(|it| it == role));
    if !is_system(&actor.subject) && !has_roles {
        return Err(LedgerError::Forbidden(
            "deciding about a change takes the roles that changing takes: Data Connector Admin and \
             Mailbox Import Export",
        ));
    }
    Ok(())
}

/// Checks what somebody says about a proposal.
pub(super) fn check_reason(reason: &str) -> Result<(), LedgerError> {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if reason.chars().count() > LONGEST || reason.chars().any(is_odd) {
        return Err(LedgerError::Refused {
            key: "reason".to_owned(),
            problem: format!("must be text of at most {LONGEST} characters"),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(subject: &str, roles: &[&str]) -> Actor {
        Actor {
            subject: subject.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..Actor::default()
        }
    }

    #[test]
    fn another_person_of_the_same_kind_and_with_both_roles_decides() {
        assert!(check_decider(&somebody("bob", &ROLES), "ann").is_ok());
        assert!(check_decider(&somebody("cli:bob", &[]), "cli:ann").is_ok());

        assert!(check_decider(&somebody("ann", &ROLES), "ann").is_err());
        assert!(check_decider(&somebody("cli:ann", &[]), "cli:ann").is_err());
        assert!(check_decider(&somebody("bob", &ROLES[..1]), "ann").is_err());
        assert!(check_decider(&somebody("bob", &[]), "ann").is_err());
        assert!(check_decider(&somebody("cli:ann", &[]), "ann").is_err());
        assert!(check_decider(&somebody("ann", &ROLES), "cli:ann").is_err());
    }

    #[test]
    fn a_reason_is_text_and_not_endless() {
        assert!(check_reason("ticket 4711\nagreed with Ann").is_ok());
        assert!(check_reason(&"ä".repeat(LONGEST)).is_ok());
        assert!(check_reason(&"a".repeat(LONGEST + 1)).is_err());
        assert!(check_reason("a\0b").is_err());
    }
}
