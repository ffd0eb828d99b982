//! Invented conversations: the same seed gives the same words.

pub(crate) mod export;
pub(crate) mod rendered;

use std::ops::RangeInclusive;

use chatkeep_model::{
    Body, Content, Conversation, ConversationKey, Event, ItemId, Kind, Participant, RecordId,
    UtcTime, What, identity::Fields,
};
use serde::Serialize;

use crate::random::Random;

/// Whose mailboxes are ours.
pub(crate) const OURS: &str = "bench.example";
const THEIRS: &str = "partner.example";
const SEED: u64 = 7;
/// 2019-01-01.
const FIRST_START: i64 = 1_546_300_800;
const WORDS: &str = "the to a of and in is it you that he was for on are with as his they be at one have this \
    from or had by hot but some what there we can out other were all your when up use word how said an each \
    she which do their time if will way about many then them would write like so these her long make thing \
    see him two has look more day could go come did my sound no most number who over know water than call \
    first people may down side been now find meeting budget invoice server deploy ticket review deadline \
    customer contract quarter legal compliance archive mailbox transfer schedule approval report draft";
const OTHER_WORDS: [&str; 10] = [
    "déjà vu",
    "Grüße",
    "naïve",
    "日本語",
    "привет",
    "😀",
    "“ok”",
    "€ 500",
    "a & b",
    "1 < 2",
];

/// A set of conversations.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    pub(crate) conversations: u32,
    pub(crate) mailboxes: u32,
    /// Mailboxes per conversation, 1 to 5.
    pub(crate) copies: u32,
    pub(crate) lines: RangeInclusive<u32>,
    words: Vec<&'static str>,
}

/// A conversation before it has any format.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chat {
    pub(crate) index: u32,
    /// Unix seconds.
    pub(crate) start: i64,
    /// Addresses; the first one opened it.
    pub(crate) participants: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

/// A chat message.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    /// Unix seconds.
    pub(crate) at: i64,
    pub(crate) sender: u32,
    pub(crate) text: String,
}

/// The form of a chat message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Html,
    Rtf,
}

impl Corpus {
    /// 41 lines on average, 100 conversations per mailbox.
    pub(crate) fn of(conversations: u32) -> Self {
        Self {
            conversations,
            mailboxes: (conversations / 100).max(5),
            copies: 1,
            lines: 7..=75,
            words: WORDS.split(' ').collect(),
        }
    }

    /// The same conversations, each between five of ours.
    pub(crate) fn with_five_mailboxes(self) -> Self {
        Self { copies: 5, ..self }
    }

    /// Conversations of exactly this many lines.
    pub(crate) fn with_lines(self, lines: u32) -> Self {
        Self {
            lines: lines..=lines,
            ..self
        }
    }

    /// Copies that must stand in mailboxes in the end.
    pub(crate) fn deliveries(&self) -> u64 {
        u64::from(self.conversations) * u64::from(self.copies)
    }

    /// Everybody who has a mailbox.
    pub(crate) fn users(&self) -> impl Iterator<Item = String> {
        (0..self.mailboxes).map(user)
    }

    /// One after the other.
    pub(crate) fn chats(&self) -> impl Iterator<Item = Chat> + '_ {
        (0..self.conversations).map(|index| self.chat(index))
    }

    /// Those who get a copy.
    pub(crate) fn owners(&self, index: u32) -> impl Iterator<Item = String> {
        let mailboxes = self.mailboxes;
        (0..self.copies).map(move |copy| user((index + copy) % mailboxes))
    }

    /// A conversation.
    pub(crate) fn chat(&self, index: u32) -> Chat {
        let mut random = Random::of(SEED, index.into());
        let mut participants: Vec<_> = self.owners(index).collect();
        if self.copies == 1 {
            participants.push(format!("guest{:04}@{THEIRS}", random.below(10_000)));
        }
        let senders = u32::try_from(participants.len()).unwrap_or(1);
        let span = self.lines.end() - self.lines.start() + 1;
        let start = FIRST_START + i64::from(index) * 61;
        let mut at = start;
        let count = self.lines.start() + random.below(span);
        let lines = (0..count).map(|number| {
            let mut text = self.sentence(&mut random);
            if number == 0 {
                // What a store is searched for afterwards.
                text = format!("{} {text}", marker(index));
            }
            let line = Line {
                at,
                sender: random.below(senders),
                text,
            };
            at += i64::from(1 + random.below(89));
            line
        });
        Chat {
            index,
            start,
            lines: lines.collect(),
            participants,
        }
    }

    fn sentence(&self, random: &mut Random) -> String {
        let count = random.pick(&[2_u32, 3, 4, 5, 7, 9, 12, 16]);
        let mut words: Vec<_> = (0..count).map(|_| random.pick(&self.words)).collect();
        if random.below(100) < 14 {
            words.push(random.pick(&OTHER_WORDS));
        }
        words.join(" ")
    }
}

fn user(number: u32) -> String {
    format!("user{number:04}@{OURS}")
}

/// What transcripts call somebody.
pub(crate) fn name(address: &str) -> &str {
    address.split('@').next().unwrap_or_default()
}

/// Stands once in every conversation, in its first chat message.
pub(crate) fn marker(index: u32) -> String {
    format!("case{index:08}")
}

impl Chat {
    /// The conversation as ingestion hands it on.
    pub(crate) fn conversation(&self, form: Form) -> Conversation {
        let addresses = self.participants.iter().map(String::as_str);
        let key = ConversationKey::peer_to_peer(addresses, UtcTime::from_seconds(self.start));
        let record = Fields::of("bench").number(self.index.into()).digest();
        let records = vec![RecordId::from_bytes(record)];
        let end = self.lines.last().map_or(self.start, |line| line.at);
        let participants = self.participants.iter().map(|address| Participant {
            address: address.clone(),
            name: Some(name(address).to_owned()),
            email: None,
        });
        let events = self.lines.iter().map(|line| Event {
            at: UtcTime::from_seconds(line.at),
            sender: Some(line.sender),
            what: What::Said(line.body(form)),
        });
        Conversation {
            id: ItemId::of("bench", &key, &records),
            kind: if self.participants.len() > 2 {
                Kind::Conference
            } else {
                Kind::PeerToPeer
            },
            thread: key.thread(),
            key,
            subject: None,
            participants: participants.collect(),
            start: UtcTime::from_seconds(self.start),
            end: UtcTime::from_seconds(end),
            content: Content::Events(events.collect()),
            attachments: Vec::new(),
            records,
            supersedes: None,
        }
    }
}

impl Line {
    fn body(&self, form: Form) -> Body {
        let (media_type, text) = match form {
            Form::Plain => ("text/plain", self.text.clone()),
            Form::Html => ("text/html", self.html()),
            Form::Rtf => ("text/rtf", self.rtf()),
        };
        Body {
            media_type: media_type.to_owned(),
            text,
        }
    }

    /// As clients write it.
    pub(crate) fn html(&self) -> String {
        let text = escape(&self.text);
        format!(
            "<DIV style=\"font-size: 10pt; font-family: Segoe UI; color: #000000\"><SPAN>{text}</SPAN></DIV>"
        )
    }

    /// As Lync writes it, about 380 bytes.
    pub(crate) fn rtf(&self) -> String {
        let characters = self
            .text
            .encode_utf16()
            .map(|unit| match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
                // RTF writes UTF-16 units as signed numbers.
                _ => format!("\\u{}?", unit.cast_signed()),
            });
        let text = characters.collect::<Vec<_>>().concat();
        format!(
            "{{\\rtf1\\fbidis\\ansi\\ansicpg1252\\deff0\\nouicompat\\deflang1033{{\\fonttbl{{\\f0\\fnil\\fcharset0 \
             Segoe UI;}}{{\\f1\\fnil Segoe UI;}}}}\r\n{{\\colortbl ;\\red0\\green0\\blue0;}}\r\n{{\\*\\generator \
             Riched20 15.0.4599}}{{\\*\\mmathPr\\mwrapIndent1440 }}\\viewkind4\\uc1 \r\n\\pard\\cf1\\embo\\f0\\fs20 \
             {text}\\f1\\par\r\n{{\\*\\lyncflags<rtf=1>}}}}"
        )
    }
}

/// Text in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_words() {
        let texts = |corpus: &Corpus| -> Vec<String> {
            let chats = corpus.chats().take(3);
            chats
                .flat_map(|chat| chat.lines)
                .map(|line| line.text)
                .collect()
        };

        assert_eq!(texts(&Corpus::of(500)), texts(&Corpus::of(500)));
        let chat = Corpus::of(500).chat(499);
        assert!(chat.lines[0].text.starts_with("case00000499 "));
    }

    #[test]
    fn every_mailbox_gets_as_many_copies() {
        let corpus = Corpus::of(500).with_five_mailboxes();
        let owners: Vec<_> = (0..500).flat_map(|index| corpus.owners(index)).collect();

        for user in corpus.users() {
            assert_eq!(owners.iter().filter(|owner| **owner == user).count(), 500);
        }
    }
}
