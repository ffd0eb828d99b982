//! What became of the mails about a run, in words.

use chatkeep_proto::v1::{Mailing, MailingState};

/// What became of a mail: `refused by the mail server (550)`.
pub fn mailing(mailing: &Mailing) -> String {
    let words = match mailing.state() {
        MailingState::Waiting => "waiting",
        MailingState::Sent => "sent",
        MailingState::Refused => "refused by the mail server",
        MailingState::GivenUp => "given up",
        MailingState::NotCalledFor => "not called for",
        MailingState::Unspecified => "unknown",
    };
    match (mailing.state(), mailing.code) {
        (MailingState::GivenUp, 0) => format!("{words} (no answer of the mail server)"),
        (_, 0) => words.to_owned(),
        (_, code) => format!("{words} ({code})"),
    }
}

/// What became of all mails about a run: the worst; `None` where none was called for.
pub fn mailings(mailings: &[Mailing]) -> Option<String> {
    let rank = |mailing: &&Mailing| match mailing.state() {
        MailingState::Unspecified | MailingState::NotCalledFor => 0,
        MailingState::Sent => 1,
        MailingState::Waiting => 2,
        MailingState::Refused => 3,
        MailingState::GivenUp => 4,
    };
    let worst = mailings.iter().max_by_key(rank);
    worst.filter(|worst| rank(worst) > 0).map(mailing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: MailingState, code: u32) -> Mailing {
        Mailing {
            state: state.into(),
            code,
            ..Mailing::default()
        }
    }

    #[test]
    fn of_several_mails_the_one_that_somebody_must_look_at_is_told() {
        let sent = told(MailingState::Sent, 0);
        let waiting = told(MailingState::Waiting, 451);
        let refused = told(MailingState::Refused, 550);
        let given_up = told(MailingState::GivenUp, 0);
        let uncalled = told(MailingState::NotCalledFor, 0);
        let worst = |of: &[&Mailing]| {
            let of: Vec<_> = of.iter().copied().cloned().collect();
            mailings(&of).unwrap_or_default()
        };

        assert_eq!(worst(&[]), "");
        assert_eq!(worst(&[&uncalled, &uncalled]), "");
        assert_eq!(worst(&[&uncalled, &sent]), "sent");
        assert_eq!(worst(&[&sent, &waiting]), "waiting (451)");
        assert_eq!(
            worst(&[&refused, &sent, &waiting]),
            "refused by the mail server (550)"
        );
        assert_eq!(
            worst(&[&refused, &given_up]),
            "given up (no answer of the mail server)"
        );
    }
}
