//! For any set of conversations: every chat message reaches every mapped participant's mailbox exactly
//! once, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::sandbox::{Sandbox, session_at};

/// Ours and mapped, ours and held, not ours.
const PEOPLE: [(&str, Option<&str>); 5] = [
    ("ann@contoso.com", Some("ann@contoso.com")),
    ("bob@contoso.com", Some("bob@contoso.com")),
    ("cem@contoso.com", Some("cem.can@contoso.com")),
    ("dora@contoso.com", None),
    ("erik@fabrikam.com", None),
];

/// Two people, how many lines, in how many pools the session was archived.
#[derive(Clone, Debug)]
struct Session {
    from: usize,
    to: usize,
    lines: usize,
    pools: usize,
}

/// Who chats in the room, day after day; everybody joined before and nobody leaves.
type RoomDays = Vec<Vec<usize>>;

fn sessions() -> impl Strategy<Value = Vec<Session>> {
    let session = (0..5_usize, 1..5_usize, 1..6_usize, 1..3_usize);
    let session = session.prop_map(|(from, step, lines, pools)| Session {
        from,
        to: (from + step) % 5,
        lines,
        pools,
    });
    prop::collection::vec(session, 0..12)
}

fn room_days() -> impl Strategy<Value = RoomDays> {
    prop::collection::vec(prop::collection::vec(0..5_usize, 1..6), 0..4)
}

/// A room's event, so many seconds after eight on a day from 2026-09-14 on.
pub(crate) fn event(kind: &str, who: usize, content: &str, day: usize, number: usize) -> String {
    let uri = PEOPLE[who].0;
    // 2026-09-14T08:00:00Z in .NET ticks.
    let ticks = 639_249_696_000_000_000 + (day * 86_400 + number) as u64 * 10_000_000;
    format!(
        "<Message type=\"{kind}\" content=\"{content}\" id=\"{number}\"><Sender UserName=\"{uri}\" id=\"1\" email=\"\" \
         internal=\"true\" uri=\"{uri}\"/><DateTimeUTC since1970=\"0\" string=\"\" long=\"{ticks}\"/></Message>"
    )
}

/// A compliance file with events of one room.
pub(crate) fn room(events: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Conversations><Conversation><Channel uri=\"ma-chan://contoso.com/1\" \
         name=\"Room\"/><Messages>{}</Messages></Conversation></Conversations>",
        events.concat()
    )
}

/// What must lie where: token -> mailboxes.
type Expected = BTreeMap<String, BTreeSet<&'static str>>;

fn write_sessions(sandbox: &Sandbox, sessions: &[Session], expected: &mut Expected) {
    for (number, session) in sessions.iter().enumerate() {
        let (from, to) = (PEOPLE[session.from], PEOPLE[session.to]);
        let tokens: Vec<_> = (0..session.lines)
            .map(|line| format!("S{number}L{line}E"))
            .collect();
        let lines: Vec<_> = tokens
            .iter()
            .map(|token| (from.0, token.as_str()))
            .collect();
        let eml = session_at(number, from.0, to.0, &lines);
        for pool in 0..session.pools {
            sandbox.write(&format!("exports/pool{pool}/{number}.eml"), &eml);
        }
        let mailboxes: BTreeSet<_> = [from.1, to.1].into_iter().flatten().collect();
        expected.extend(tokens.into_iter().map(|token| (token, mailboxes.clone())));
    }
}

fn write_room(sandbox: &Sandbox, days: &RoomDays, expected: &mut Expected) {
    let mut joined = BTreeSet::new();
    for (day, speakers) in days.iter().enumerate() {
        let mut events = Vec::new();
        for who in speakers {
            if joined.insert(*who) {
                events.push(event("JOIN", *who, "", day, events.len()));
            }
        }
        let mailboxes: BTreeSet<_> = joined.iter().filter_map(|who| PEOPLE[*who].1).collect();
        for who in speakers {
            let token = format!("R{day}M{}E", events.len());
            events.push(event("CHAT", *who, &token, day, events.len()));
            expected.insert(token, mailboxes.clone());
        }
        sandbox.write(&format!("compliance/day{day}.xml"), room(&events));
    }
}

/// How often each token stands in the texts of each mailbox.
fn found(sandbox: &Sandbox) -> BTreeMap<(String, String), usize> {
    let mut found = BTreeMap::new();
    for (mailbox, mails) in sandbox.all_mails() {
        for mail in mails {
            let text = mail.text();
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            for token in words.filter(|word| is_token(word)) {
                *found
                    .entry((token.to_owned(), mailbox.clone()))
                    .or_default() += 1;
            }
        }
    }
    found
}

fn is_token(word: &str) -> bool {
    let has_digits = word.chars().any(|c| c.is_ascii_digit());
    word.starts_with(['S', 'R']) && word.ends_with('E') && has_digits
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 30, ..ProptestConfig::default() })]

    #[test]
    fn every_chat_message_reaches_every_mapped_participant_once(
        sessions in sessions(),
        days in room_days(),
    ) {
        let sandbox = Sandbox::new();
        let mut expected = Expected::new();
        write_sessions(&sandbox, &sessions, &mut expected);
        write_room(&sandbox, &days, &mut expected);

        let outcome = sandbox.archive();

        outcome.assert_closed();
        let wanted: BTreeMap<_, _> = expected
            .iter()
            .flat_map(|(token, mailboxes)| {
                mailboxes.iter().map(|mailbox| ((token.clone(), (*mailbox).to_owned()), 1))
            })
            .collect();
        prop_assert_eq!(found(&sandbox), wanted);
    }
}
