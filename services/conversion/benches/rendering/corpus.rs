//! Deterministic conversations.

use chatkeep_model::{
    Body, Content, Conversation, ConversationKey, Event, ItemId, Kind, Participant, RecordId,
    Transcript, UtcTime, What,
};
use sha2::{Digest as _, Sha256};

const START: i64 = 1_483_345_200;
const WORDS: &str = "the to of and in is it you that he was for on are with as his they be at one have this \
     from or had by hot but some what there we can out other were all your when up use word how said an each \
     she which do their time if will way about many then them would write like budget invoice server deploy \
     ticket review deadline customer contract quarter legal compliance archive mailbox";

/// A small deterministic generator (Lehmer).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// 3 to 28 words; in one of eight lines a word that is not ASCII, a link or mark-up.
    fn line(&mut self) -> String {
        let words: Vec<_> = WORDS.split_whitespace().collect();
        let count = [3, 5, 7, 9, 12, 15, 20, 28][self.below(8)];
        let mut line: Vec<_> = (0..count).map(|_| words[self.below(words.len())]).collect();
        let extra = [
            "Grüße",
            "привет",
            "😀",
            "a & b",
            "1 < 2",
            "http://intranet.example/x?a=1&b=2",
        ];
        if self.below(8) == 0 {
            line.push(extra[self.below(extra.len())]);
        }
        line.join(" ")
    }
}

pub(crate) fn conversation(seed: u64, lines: usize, body: &dyn Fn(String) -> Body) -> Conversation {
    let mut chance = Chance(seed);
    let participants: Vec<_> = ["owner", "guest"]
        .map(|name| Participant {
            address: format!("{name}{seed:04}@corp.example"),
            name: Some(format!("{name} {seed:04}")),
            email: None,
        })
        .into();
    let events: Vec<_> = (0..lines)
        .map(|line| Event {
            at: UtcTime::from_seconds(START + 45 * i64::try_from(line).unwrap()),
            sender: Some(u32::try_from(chance.below(2)).unwrap()),
            what: What::Said(body(chance.line())),
        })
        .collect();
    let start = UtcTime::from_seconds(START);
    let key = ConversationKey::peer_to_peer(participants.iter().map(|p| p.address.as_str()), start);
    let record = |line| {
        RecordId::from_bytes(
            Sha256::digest([seed.to_be_bytes(), u64::to_be_bytes(line)].concat()).into(),
        )
    };
    let mut records: Vec<_> = (0..u64::try_from(lines).unwrap()).map(record).collect();
    records.sort_unstable();
    Conversation {
        id: ItemId::of("bench", &key, &records),
        kind: Kind::PeerToPeer,
        thread: key.thread(),
        key,
        subject: None,
        participants,
        start,
        end: events.last().map_or(start, |event| event.at),
        content: Content::Events(events),
        attachments: Vec::new(),
        records,
        supersedes: None,
    }
}

pub(crate) fn plain(text: String) -> Body {
    Body {
        media_type: "text/plain".to_owned(),
        text,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "one signature for all bodies"
)]
pub(crate) fn html(text: String) -> Body {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    Body {
        media_type: "text/html".to_owned(),
        text: format!(
            "<DIV style=\"font-size:10pt;font-family:Segoe UI;color:#000000\"><SPAN>{text}</SPAN></DIV>"
        ),
    }
}

/// As a desktop client writes it: about half a kilobyte around the text.
#[expect(
    clippy::needless_pass_by_value,
    reason = "one signature for all bodies"
)]
pub(crate) fn rtf(text: String) -> Body {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '{' | '}' => escaped.extend(['\\', letter]),
            ' '..='~' => escaped.push(letter),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let unit = unit.cast_signed().to_string();
                    for piece in ["\\u", &unit, "?"] {
                        escaped.push_str(piece);
                    }
                }
            }
        }
    }
    let text = format!(
        "{{\\rtf1\\fbidis\\ansi\\ansicpg1252\\deff0\\nouicompat\\deflang1033{{\\fonttbl{{\\f0\\fnil\\fcharset0 Segoe UI;}}{{\\f1\\fnil Segoe UI;}}}}\r\n\
         {{\\colortbl ;\\red0\\green0\\blue0;}}\r\n{{\\*\\generator Riched20 15.0.5013}}{{\\*\\mmathPr\\mwrapIndent1440 }}\\viewkind4\\uc1 \r\n\
         \\pard\\cf1\\embo\\f0\\fs20 {escaped}\\embo0\\f1\\par\r\n{{\\*\\lyncflags<rtf=1>}}}}"
    );
    Body {
        media_type: "text/rtf".to_owned(),
        text,
    }
}

pub(crate) fn transcript(seed: u64) -> Conversation {
    let mut chance = Chance(seed);
    let lines: Vec<_> = (0..41).map(|_| html(chance.line()).text).collect();
    let html = format!("<html><body>\r\n{}\r\n</body></html>", lines.join("\r\n"));
    let whole = Transcript {
        text: None,
        html: Some(html),
    };
    Conversation {
        content: Content::Transcript(whole),
        ..conversation(seed, 1, &plain)
    }
}
