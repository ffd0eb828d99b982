//! Who was in which conference, as call detail records have it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chatkeep_model::{Content, Conversation, Event, UtcTime, What};

/// The beginning of what names a conference in its URI, before the part of it that is addressed.
const CONFERENCE: &str = ";opaque=app:conf:";

/// Conferences by what their URIs have in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Attendance(HashMap<String, BTreeMap<Instance, Meeting>>);

/// One of several times that a conference was held: key of the session in its database.
pub(super) type Instance = (i64, i64);

#[derive(Clone, Debug, Default)]
struct Meeting {
    start: Option<UtcTime>,
    end: Option<UtcTime>,
    stays: Vec<Stay>,
}

/// How long somebody stayed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stay {
    /// Normalised.
    pub(super) address: String,
    pub(super) joined: UtcTime,
    /// `None` where nobody has noted it.
    pub(super) left: Option<UtcTime>,
}

impl Attendance {
    /// Adds somebody's stay in a conference that was held from start to end, as far as that is known.
    pub(super) fn add(
        &mut self,
        (uri, instance): (&str, Instance),
        (start, end): (Option<UtcTime>, Option<UtcTime>),
        stay: Stay,
    ) {
        let meetings = self.0.entry(name_of(uri)).or_default();
        let meeting = meetings.entry(instance).or_default();
        meeting.start = meeting.start.or(start);
        meeting.end = meeting.end.or(end);
        meeting.stays.push(stay);
    }

    /// Tells in a conference when it began and ended, and of everybody in it exactly when they came and
    /// went, instead of what the rosters of messages show of them. Nobody becomes a participant by that:
    /// who was there while nobody wrote gets no copy.
    pub(super) fn tell(&self, uri: &str, conversation: &mut Conversation) {
        let day = conversation.start.day();
        let Some(meetings) = self.0.get(&name_of(uri)) else {
            return;
        };
        let (first, last) = (conversation.start, conversation.end);
        let held = meetings.values().filter(|meeting| {
            let has_begun = meeting.start.is_none_or(|start| start <= last);
            has_begun && meeting.end.is_none_or(|end| end >= first)
        });
        let Content::Events(events) = &mut conversation.content else {
            return;
        };
        let mut exact = Exact::default();
        for meeting in held {
            exact.mark(meeting.start, START, "conference started");
            exact.mark(meeting.end, END, "conference ended");
            for stay in merged(&meeting.stays) {
                let mut people = (0..).zip(&conversation.participants);
                let found = people.find(|(_, one)| one.address == stay.address);
                if let Some((position, _)) = found {
                    exact.stay(position, &stay);
                }
            }
        }
        let known = exact.known;
        let is_inferred = |event: &Event| {
            matches!(event.what, What::Joined | What::Left)
                && event.sender.is_some_and(|sender| known.contains(&sender))
        };
        let others = std::mem::take(events);
        let others = others.into_iter().filter(|event| !is_inferred(event));
        let mut all: Vec<(u8, Event)> = others.map(|event| (SAID, event)).collect();
        let of_day = exact.events.into_iter();
        all.extend(of_day.filter(|(_, event)| event.at.day() == day));
        all.sort_by_key(|(rank, event)| (event.at, *rank));
        events.extend(all.into_iter().map(|(_, event)| event));
    }
}

/// The order of what happens in one instant.
const START: u8 = 0;
const JOINED: u8 = 1;
const SAID: u8 = 2;
const LEFT: u8 = 3;
const END: u8 = 4;

/// What the records tell of one conversation.
#[derive(Default)]
struct Exact {
    events: Vec<(u8, Event)>,
    /// Whose times are known, by position.
    known: HashSet<u32>,
}

impl Exact {
    fn mark(&mut self, at: Option<UtcTime>, rank: u8, name: &str) {
        let what = What::Other {
            name: name.to_owned(),
            content: String::new(),
        };
        self.events.extend(at.map(|at| {
            let event = Event {
                at,
                sender: None,
                what,
            };
            (rank, event)
        }));
    }

    fn stay(&mut self, position: u32, stay: &Stay) {
        self.known.insert(position);
        let event = |at, what| Event {
            at,
            sender: Some(position),
            what,
        };
        self.events.push((JOINED, event(stay.joined, What::Joined)));
        let left = stay.left.map(|left| (LEFT, event(left, What::Left)));
        self.events.extend(left);
    }
}

/// Stays in their order. Those of one person that overlap are one: people come with several devices.
fn merged(stays: &[Stay]) -> Vec<Stay> {
    let mut sorted = stays.to_vec();
    sorted.sort_unstable();
    let mut merged: Vec<Stay> = Vec::with_capacity(sorted.len());
    for stay in sorted {
        match merged.last_mut() {
            Some(last)
                if last.address == stay.address
                    && last.left.is_none_or(|left| left >= stay.joined) =>
            {
                // Without an end it lasts for ever.
                last.left = last.left.zip(stay.left).map(|(one, two)| one.max(two));
            }
            _ => merged.push(stay),
        }
    }
    merged
}

/// What the URIs of a conference's parts have in common: its organizer and its id. The focus, which people
/// join, and the server of messages have URIs of their own.
fn name_of(uri: &str) -> String {
    let id = uri.split_once(CONFERENCE).and_then(|(organizer, part)| {
        let organizer = organizer.split(';').next().unwrap_or(organizer);
        let (_, id) = part.split_once(":id:")?;
        Some(format!("{organizer} {id}"))
    });
    id.unwrap_or_else(|| uri.to_owned())
}

#[cfg(test)]
mod tests {
    use chatkeep_model::{Body, ConversationKey, ItemId, Kind, Participant};

    use super::*;

    const CHAT: &str = "ann@contoso.com;gruu;opaque=app:conf:chat:id:ab12";
    const FOCUS: &str = "ann@contoso.com;gruu;opaque=app:conf:focus:id:ab12";

    fn at(second: i64) -> UtcTime {
        UtcTime::from_seconds(1_000 + second)
    }

    fn stay(address: &str, joined: i64, left: Option<i64>) -> Stay {
        Stay {
            address: address.to_owned(),
            joined: at(joined),
            left: left.map(at),
        }
    }

    /// Ann speaks at 10 and 30; the rosters show that Bob was there from 30 on.
    fn conversation() -> Conversation {
        let event = |second, sender, what| Event {
            at: at(second),
            sender: Some(sender),
            what,
        };
        let said = || {
            What::Said(Body {
                media_type: "text/plain".to_owned(),
                text: "hello".to_owned(),
            })
        };
        let key = ConversationKey::conference(CHAT);
        let participant = |address: &str| Participant {
            address: address.to_owned(),
            ..Participant::default()
        };
        Conversation {
            id: ItemId::of("c", &key, &[]),
            kind: Kind::Conference,
            thread: key.thread(),
            key,
            subject: None,
            start: at(10),
            end: at(30),
            content: Content::Events(vec![
                event(10, 0, said()),
                event(30, 1, What::Joined),
                event(30, 0, said()),
            ]),
            participants: ["ann", "bob"].map(participant).into(),
            attachments: Vec::new(),
            records: Vec::new(),
            supersedes: None,
        }
    }

    /// Second, who, what.
    fn told(attendance: &Attendance) -> Vec<(i64, Option<u32>, String)> {
        let mut conversation = conversation();
        attendance.tell(CHAT, &mut conversation);
        let Content::Events(events) = conversation.content else {
            panic!("no events");
        };
        let word = |what: &What| match what {
            What::Said(_) => "said".to_owned(),
            What::Joined => "joined".to_owned(),
            What::Left => "left".to_owned(),
            What::Other { name, .. } => name.clone(),
            other => panic!("{other:?}"),
        };
        let second = |event: &Event| event.at.seconds() - 1_000;
        let told = events.iter();
        told.map(|event| (second(event), event.sender, word(&event.what)))
            .collect()
    }

    fn attendance(stays: &[Stay]) -> Attendance {
        let mut attendance = Attendance::default();
        for stay in stays {
            let span = (Some(at(0)), Some(at(50)));
            attendance.add((FOCUS, (1, 1)), span, stay.clone());
        }
        attendance
    }

    fn said(second: i64, who: u32, word: &str) -> (i64, Option<u32>, String) {
        (second, Some(who), word.to_owned())
    }

    #[test]
    fn late_joiners_came_when_the_records_say_it() {
        let attendance = attendance(&[stay("ann", 0, Some(40)), stay("bob", 20, Some(35))]);

        let expected = [
            (0, None, "conference started".to_owned()),
            said(0, 0, "joined"),
            said(10, 0, "said"),
            said(20, 1, "joined"),
            said(30, 0, "said"),
            said(35, 1, "left"),
            said(40, 0, "left"),
            (50, None, "conference ended".to_owned()),
        ];
        assert_eq!(told(&attendance), expected);
    }

    #[test]
    fn who_is_in_no_record_is_shown_as_the_rosters_have_it() {
        let told = told(&attendance(&[stay("ann", 0, Some(40))]));

        assert!(told.contains(&said(30, 1, "joined")), "{told:?}");
    }

    #[test]
    fn who_got_no_message_is_not_named() {
        let told = told(&attendance(&[stay("eve", 0, Some(40))]));

        assert!(
            !told
                .iter()
                .any(|(_, who, word)| who.is_none() && word == "joined")
        );
        assert_eq!(told.iter().filter(|(.., word)| word == "joined").count(), 1);
    }

    #[test]
    fn one_person_on_two_devices_comes_and_goes_once() {
        let stays = [stay("bob", 5, Some(25)), stay("bob", 20, Some(35))];

        let told = told(&attendance(&stays));

        let bobs: Vec<_> = told
            .into_iter()
            .filter(|(_, who, _)| *who == Some(1))
            .collect();
        assert_eq!(bobs, [said(5, 1, "joined"), said(35, 1, "left")]);
    }

    #[test]
    fn what_happened_on_another_day_or_at_another_time_is_not_told() {
        let mut attendance = attendance(&[stay("ann", -2_000, Some(90_000))]);
        let earlier = (Some(at(-900)), Some(at(-800)));
        attendance.add((FOCUS, (2, 1)), earlier, stay("bob", -900, Some(-800)));

        let told = told(&attendance);

        assert!(!told.contains(&said(-900, 1, "joined")), "{told:?}");
        assert!(!told.iter().any(|(second, ..)| *second > 50), "{told:?}");
    }

    #[test]
    fn conferences_that_are_in_no_record_stay_as_they_are() {
        let mut conversation = conversation();
        let before = conversation.clone();

        attendance(&[stay("ann", 0, None)]).tell("another", &mut conversation);

        assert_eq!(conversation, before);
    }
}
