//! What a conversation is called.

use chatkeep_model::{Conversation, Kind};

use crate::transcript::label::{name, one_line, shortened};

/// A longer subject is cut in the title; the JSON record has it whole.
const LONGEST_SUBJECT: usize = 500;

/// Participants beyond these are counted only.
const NAMED: usize = 3;

/// The conversation's title, the `Subject` of its item: one line without controls.
pub(super) fn of(conversation: &Conversation) -> String {
    let subject = conversation.subject.as_deref().map(one_line);
    let subject = subject.filter(|subject| !subject.is_empty());
    let subject = subject.map(|subject| shortened(subject, LONGEST_SUBJECT));
    match conversation.kind {
        Kind::PeerToPeer => between(conversation),
        Kind::Conference => {
            let opener = conversation.participants.first();
            let organizer = opener.map_or_else(|| "Unknown".to_owned(), name);
            match subject {
                Some(subject) => format!("Conference organized by {organizer}: {subject}"),
                None => format!("Conference organized by {organizer}"),
            }
        }
        Kind::Room => {
            let from_key = || {
                let thread = one_line(conversation.thread.as_str());
                let uri = thread.strip_prefix("room:").unwrap_or(&thread);
                shortened(uri.to_owned(), LONGEST_SUBJECT)
            };
            format!("Persistent chat room {}", subject.unwrap_or_else(from_key))
        }
    }
}

fn between(conversation: &Conversation) -> String {
    let participants = &conversation.participants;
    // Four are named in full: "and 1 other" would tell less and be as long.
    let shown = if participants.len() <= NAMED + 1 {
        participants.len()
    } else {
        NAMED
    };
    let mut names: Vec<_> = participants.iter().take(shown).map(name).collect();
    let others = participants.len() - shown;
    if others > 0 {
        names.push(format!("{others} others"));
    }
    match names.split_last() {
        None => "Conversation".to_owned(),
        Some((only, [])) => format!("Conversation of {only}"),
        Some((last, first)) => format!("Conversation between {} and {last}", first.join(", ")),
    }
}
