use chatkeep_model::{Kind, address::normalize};

/// What a subject says about the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// `Conversation between A and B`.
    Between(Vec<String>),
    /// `Conference organized by A[: subject]`.
    Organized {
        organizer: String,
        subject: Option<String>,
    },
    /// Anything else.
    Other,
}

impl Subject {
    /// Reads a decoded subject.
    pub(super) fn parse(subject: &str) -> Self {
        if let Some(rest) = strip_prefix(subject, "conversation between ") {
            return Self::Between(split_parties(rest));
        }
        let conference = strip_prefix(subject, "conference organized by ")
            .or_else(|| strip_prefix(subject, "conference organised by "));
        match conference {
            Some(rest) => {
                let (organizer, subject) = split_organizer(rest);
                Self::Organized {
                    organizer: normalize(organizer),
                    subject: subject.map(str::to_owned),
                }
            }
            None => Self::Other,
        }
    }

    /// The kind of conversation it names.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Between(_) => Some(Kind::PeerToPeer),
            Self::Organized { .. } => Some(Kind::Conference),
            Self::Other => None,
        }
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    let rest = text[prefix.len()..].trim();
    (head.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

/// Names that are addresses; others say who, but not whose mailbox.
fn split_parties(rest: &str) -> Vec<String> {
    let parties = rest.split(" and ").flat_map(|part| part.split(','));
    let addresses = parties.map(normalize);
    addresses
        .filter(|address| address.contains('@') && !address.contains(' '))
        .collect()
}

/// The organizer ends at the first colon that is not a URI scheme's.
fn split_organizer(rest: &str) -> (&str, Option<&str>) {
    let schemes = ["sip:", "sips:", "tel:", "smtp:", "mailto:"];
    let scheme = schemes.iter().find(|scheme| {
        let head = rest.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    let skipped = scheme.map_or(0, |scheme| scheme.len());
    match rest[skipped..].find(':') {
        Some(colon) => {
            let (organizer, subject) = rest.split_at(skipped + colon);
            let subject = subject[1..].trim();
            (
                organizer,
                Some(subject).filter(|subject| !subject.is_empty()),
            )
        }
        None => (rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_published_kinds_are_told_apart() {
        assert_eq!(
            Subject::parse("Conversation between SIP:Ann@b.c and bob@b.c"),
            Subject::Between(vec!["ann@b.c".to_owned(), "bob@b.c".to_owned()])
        );
        assert_eq!(
            Subject::parse("CONFERENCE organized by sip:Ann@b.c: Budget: 2017"),
            Subject::Organized {
                organizer: "ann@b.c".to_owned(),
                subject: Some("Budget: 2017".to_owned())
            }
        );
        assert_eq!(
            Subject::parse("Conference organized by ann@b.c"),
            Subject::Organized {
                organizer: "ann@b.c".to_owned(),
                subject: None
            }
        );
        assert_eq!(Subject::parse("Conversation between "), Subject::Other);
        assert_eq!(Subject::parse("Budget"), Subject::Other);
    }
}
