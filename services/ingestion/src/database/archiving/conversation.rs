use std::collections::{BTreeSet, HashMap};

use chatkeep_model::{
    Content, Conversation, ConversationKey, Event, ItemId, Kind, Participant, UtcTime, What,
};

use super::{group::Said, record::To};
use crate::eml::Sequence;

/// The conversation that messages of one session make; `None` for none. Its key has the start of the
/// session, also where only later messages are in it: they belong to one thread.
pub(super) fn conversation(connector: &str, said: &[Said]) -> Option<Conversation> {
    let (first, last) = (said.first()?, said.last()?);
    let session = first.key.session.0.time();
    let mut everybody = Everybody::default();
    let mut records: Vec<_> = said.iter().map(|one| one.id).collect();
    records.sort_unstable();
    let (kind, key) = match &first.to {
        To::One { .. } => {
            everybody.meet(said);
            let addresses = everybody.addresses();
            (
                Kind::PeerToPeer,
                ConversationKey::peer_to_peer(addresses, session),
            )
        }
        To::Conference { .. } => {
            let conference = Conference::of(said);
            // The organizer stands first, but who was not there gets no copy.
            if let Some(organizer) = conference.organizer.filter(|who| is_in(said, who)) {
                everybody.add(organizer);
            }
            everybody.meet(said);
            (Kind::Conference, conference.key(first, session))
        }
    };
    Some(Conversation {
        id: ItemId::of(connector, &key, &records),
        kind,
        thread: key.thread(),
        key,
        subject: None,
        start: first.key.at.time(),
        end: last.key.at.time(),
        content: Content::Events(events(said, &everybody)),
        participants: everybody.participants,
        attachments: Vec::new(),
        records,
        supersedes: None,
    })
}

/// The URI of the conference in which this was said, where the database has it.
pub(super) fn uri(said: &[Said]) -> Option<&str> {
    Conference::of(said).uri
}

/// What other pools' copies are compared by: who said what, as it is stored.
pub(super) fn sequence(said: &[Said]) -> Sequence {
    let mut sequence = Sequence::default();
    for Said { from, body, .. } in said {
        let message = [from, &body.media_type, &body.text].map(String::as_str);
        sequence.push(message.join("\0").as_bytes());
    }
    sequence
}

/// What the database says of a conference, in whichever row it does.
struct Conference<'a> {
    uri: Option<&'a str>,
    organizer: Option<&'a str>,
}

impl<'a> Conference<'a> {
    fn of(said: &'a [Said]) -> Self {
        let mut found = Self {
            uri: None,
            organizer: None,
        };
        for one in said {
            if let To::Conference { uri, organizer } = &one.to {
                found.uri = found.uri.or(uri.as_deref());
                found.organizer = found.organizer.or(organizer.as_deref());
            }
        }
        found
    }

    fn key(&self, first: &Said, session: UtcTime) -> ConversationKey {
        match (self.uri, self.organizer) {
            (Some(uri), _) => ConversationKey::conference(uri),
            (None, Some(organizer)) => ConversationKey::organized(organizer, session),
            (None, None) => ConversationKey::organized(&first.from, session),
        }
    }
}

/// The messages, and between those of a conference who came and who went: everybody got what was said
/// while they were there, and only that.
fn events(said: &[Said], everybody: &Everybody) -> Vec<Event> {
    let mut events = Vec::with_capacity(said.len());
    let mut present: Option<BTreeSet<&str>> = None;
    for one in said {
        let at = one.key.at.time();
        let event = |address: &str, what| Event {
            at,
            sender: everybody.position(address),
            what,
        };
        if matches!(one.to, To::Conference { .. }) {
            let now = roster(one, present.as_ref());
            if let Some(before) = present {
                let came = now.difference(&before).map(|who| event(who, What::Joined));
                events.extend(came);
                let went = before.difference(&now).map(|who| event(who, What::Left));
                events.extend(went);
            }
            present = Some(now);
        }
        events.push(event(&one.from, What::Said(one.body.clone())));
    }
    events
}

/// Who was there when a message was sent. One that nobody got tells nothing about the others.
fn roster<'a>(said: &'a Said, before: Option<&BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut roster: BTreeSet<_> = said.recipients.iter().map(String::as_str).collect();
    if let Some(before) = before.filter(|_| roster.is_empty()) {
        roster.clone_from(before);
    }
    roster.insert(&said.from);
    roster
}

fn is_in(said: &[Said], address: &str) -> bool {
    said.iter()
        .any(|one| one.from == address || one.recipients.iter().any(|who| who == address))
}

/// Participants in the order they appear, each address once.
#[derive(Default)]
struct Everybody {
    participants: Vec<Participant>,
    positions: HashMap<String, u32>,
}

impl Everybody {
    fn meet(&mut self, said: &[Said]) {
        for one in said {
            self.add(&one.from);
            if let To::One { address, .. } = &one.to {
                self.add(address);
            }
            one.recipients.iter().for_each(|who| self.add(who));
        }
    }

    fn add(&mut self, address: &str) {
        if self.positions.contains_key(address) {
            return;
        }
        let position = u32::try_from(self.participants.len()).unwrap_or(u32::MAX);
        self.positions.insert(address.to_owned(), position);
        self.participants.push(Participant {
            address: address.to_owned(),
            ..Participant::default()
        });
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.participants.iter().map(|one| one.address.as_str())
    }

    fn position(&self, address: &str) -> Option<u32> {
        self.positions.get(address).copied()
    }
}
