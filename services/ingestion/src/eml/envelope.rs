use chatkeep_model::{ConversationKey, Kind, Participant, UtcTime, address::normalize};

use super::{Damage, address, date, header::Headers, subject::Subject};

/// What the header of a file says about the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What kind it was.
    pub kind: Kind,
    /// Identity of the conversation.
    pub key: ConversationKey,
    /// Everybody in it, the opener first.
    pub participants: Vec<Participant>,
    /// The conference's own subject, or the whole subject where it is none of the exporter's two.
    pub subject: Option<String>,
    /// When it was.
    pub start: UtcTime,
    /// The `Subject` field, decoded.
    pub(super) subject_field: String,
}

impl Envelope {
    pub(super) fn read(headers: &Headers, file_name: &str) -> Result<Self, Damage> {
        let start = find_start(headers, file_name).ok_or(Damage::NoDate)?;
        let subject_field = headers.text("subject").unwrap_or_default();
        let subject = Subject::parse(&subject_field);
        let participants = participants(headers, &subject);
        let opener = participants.first().ok_or(Damage::NoParticipants)?;
        let kind = subject
            .kind()
            .unwrap_or_else(|| kind_by_name(file_name, participants.len()));
        let key = match (kind, &subject) {
            (Kind::Conference, Subject::Organized { organizer, .. }) => {
                ConversationKey::organized(organizer, start)
            }
            (Kind::Conference, _) => ConversationKey::organized(&opener.address, start),
            _ => {
                let addresses = participants.iter().map(|one| one.address.as_str());
                ConversationKey::peer_to_peer(addresses, start)
            }
        };
        Ok(Self {
            kind,
            key,
            start,
            subject: own_subject(subject, &subject_field),
            participants,
            subject_field,
        })
    }
}

/// The `Date` field; where it is missing or unreadable the exporter's file name, then the first
/// `Received` field that has a date.
fn find_start(headers: &Headers, file_name: &str) -> Option<UtcTime> {
    let field = headers.get("date").and_then(date::parse);
    field
        .or_else(|| date::of_file_name(file_name))
        .or_else(|| headers.all("received").find_map(date::of_received))
}

/// `From`, then every `To` and `Cc` in order, each address once. Where there is no `From`, the
/// organizer opened the conversation; who is missing of the two of the subject is added.
fn participants(headers: &Headers, subject: &Subject) -> Vec<Participant> {
    let mut found: Vec<Participant> = Vec::new();
    let mut add =
        |one: Participant| match found.iter_mut().find(|known| known.address == one.address) {
            Some(known) => {
                if known.name.is_none() {
                    known.name = one.name;
                }
            }
            None => found.push(one),
        };
    let mut has_from = false;
    for one in headers.all("from").flat_map(address::parse) {
        has_from = true;
        add(one);
    }
    if let Subject::Organized { organizer, .. } = subject
        && !has_from
        && !organizer.is_empty()
    {
        add(participant(organizer));
    }
    for field in ["to", "cc", "bcc"] {
        headers
            .all(field)
            .flat_map(address::parse)
            .for_each(&mut add);
    }
    if let Subject::Between(addresses) = subject {
        addresses
            .iter()
            .map(|one| participant(one))
            .for_each(&mut add);
    }
    found
}

fn participant(address: &str) -> Participant {
    Participant {
        address: normalize(address),
        ..Participant::default()
    }
}

fn kind_by_name(file_name: &str, participants: usize) -> Kind {
    let stem = file_name
        .rsplit_once('.')
        .map_or(file_name, |(stem, _)| stem);
    let stem = stem.to_ascii_lowercase();
    if stem.ends_with("_conf") || (participants > 2 && !stem.ends_with("_p2p")) {
        Kind::Conference
    } else {
        Kind::PeerToPeer
    }
}

fn own_subject(subject: Subject, field: &str) -> Option<String> {
    match subject {
        Subject::Between(_) => None,
        Subject::Organized { subject, .. } => subject,
        Subject::Other => Some(field.to_owned()).filter(|subject| !subject.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lines::Lines, *};

    fn envelope(text: &str, name: &str) -> Result<Envelope, Damage> {
        let headers = Headers::read(&mut Lines::new(text.as_bytes())).unwrap();
        Envelope::read(&headers.unwrap(), name)
    }

    fn addresses(envelope: &Envelope) -> Vec<&str> {
        let participants = envelope.participants.iter();
        participants.map(|one| one.address.as_str()).collect()
    }

    const DATE: &str = "Date: Fri, 14 Oct 2016 10:22:49 GMT";

    #[test]
    fn repeated_bare_addresses_are_participants_in_order() {
        let text = format!(
            "From: ANN@b.c\nTo: dan@b.c\nTo: Bob@b.c\nTo: dan@b.c\nTo:\n{DATE}\n\
             Subject: Conference organized by ann@b.c: Budget\n\n"
        );

        let envelope = envelope(&text, "x.eml").unwrap();

        assert_eq!(addresses(&envelope), ["ann@b.c", "dan@b.c", "bob@b.c"]);
        assert_eq!(envelope.kind, Kind::Conference);
        assert_eq!(envelope.subject.as_deref(), Some("Budget"));
        assert_eq!(
            envelope.key.as_str(),
            "conference:ann@b.c@2016-10-14T10:22:49Z"
        );
    }

    #[test]
    fn the_subject_stands_in_for_missing_addresses() {
        let text =
            format!("To: bob@b.c\n{DATE}\nSubject: Conversation between ann@b.c and bob@b.c\n\n");
        let organized =
            format!("To: bob@b.c\n{DATE}\nSubject: Conference organized by sip:ann@b.c\n\n");

        let envelope_of_two = envelope(&text, "x.eml").unwrap();

        assert_eq!(addresses(&envelope_of_two), ["bob@b.c", "ann@b.c"]);
        assert_eq!(
            envelope_of_two.key.as_str(),
            "p2p:ann@b.c,bob@b.c@2016-10-14T10:22:49Z"
        );
        let organized = envelope(&organized, "x.eml").unwrap();
        assert_eq!(addresses(&organized), ["ann@b.c", "bob@b.c"]);
    }

    #[test]
    fn the_file_name_stands_in_for_kind_and_date() {
        let text = "From: ann@b.c\nTo: bob@b.c\nDate: yesterday\nSubject: Budget\n\n";

        let conference = envelope(text, "20161014102249877_1_conf.eml").unwrap();

        assert_eq!(conference.kind, Kind::Conference);
        assert_eq!(conference.start.to_string(), "2016-10-14T10:22:49Z");
        assert_eq!(conference.subject.as_deref(), Some("Budget"));
        assert_eq!(
            envelope(text, "20161014102249877_1_p2p.eml").unwrap().kind,
            Kind::PeerToPeer
        );
        assert_eq!(envelope(text, "x.eml"), Err(Damage::NoDate));
    }

    #[test]
    fn nobody_at_all_is_damage() {
        let text = format!("{DATE}\nSubject: Budget\n\n");

        assert_eq!(envelope(&text, "x.eml"), Err(Damage::NoParticipants));
    }
}
