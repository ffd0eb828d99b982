use chatkeep_model::{
    Body, Participant, RecordId, UtcTime, What, address::normalize, identity::Fields,
};
use jiff::Timestamp;

/// .NET ticks (100 ns since 0001-01-01) at the Unix epoch.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;

/// A persistent chat room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Its URI, as the adapter writes it.
    pub uri: String,
    /// Its name, where the adapter knows one.
    pub name: Option<String>,
}

/// Who did it, as the adapter writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    pub(super) user_name: String,
    pub(super) id: String,
    pub(super) email: String,
    pub(super) uri: String,
}

/// Something that happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomEvent {
    /// Where.
    pub room: Room,
    /// What: JOIN, PART, CHAT, BACKCHAT, FILEUPLOAD, FILEDOWNLOAD or a word of the adapter's own, in
    /// upper case.
    pub kind: String,
    /// Number of the chat message; has no meaning for other events.
    pub id: i64,
    /// The text, or the stored name of a file.
    pub content: String,
    /// Who, where the adapter tells.
    pub sender: Option<Participant>,
    /// When, in .NET ticks.
    pub ticks: i64,
}

impl RoomEvent {
    /// When.
    pub fn at(&self) -> UtcTime {
        UtcTime::from_ticks(self.ticks).unwrap_or_default()
    }

    /// SHA-256 over what the source says about the event: room URI, type, id, sender, ticks, content.
    pub fn content_id(&self) -> RecordId {
        let sender = self.sender.as_ref().map_or("", |sender| &sender.address);
        let fields = Fields::of("persistent-chat-event")
            .text(&self.room.uri)
            .text(&self.kind)
            .number(self.id)
            .text(sender)
            .number(self.ticks)
            .text(&self.content);
        RecordId::from_bytes(fields.digest())
    }

    /// What happened, in the model's words.
    pub fn what(self) -> What {
        match self.kind.as_str() {
            "CHAT" => What::Said(body(self.content)),
            "BACKCHAT" => What::SaidInBackchat(body(self.content)),
            "JOIN" => What::Joined,
            "PART" => What::Left,
            "FILEUPLOAD" => What::FileUploaded(self.content),
            "FILEDOWNLOAD" => What::FileDownloaded(self.content),
            _ => What::Other {
                name: self.kind,
                content: self.content,
            },
        }
    }
}

/// Identity of a record: its content and its ordinal among equal events of one file, from 0.
pub fn record_id(content: RecordId, ordinal: u32) -> RecordId {
    let fields = Fields::of("persistent-chat").bytes(content.as_bytes());
    RecordId::from_bytes(fields.number(ordinal.into()).digest())
}

fn body(text: String) -> Body {
    let media_type = if text.starts_with("{\\rtf") {
        "text/rtf"
    } else {
        "text/plain"
    };
    Body {
        media_type: media_type.to_owned(),
        text,
    }
}

impl Sender {
    /// Somebody whom a database describes in the adapter's words.
    #[cfg(feature = "mssql")]
    pub(crate) fn of(user_name: &str, id: &str, email: &str, uri: &str) -> Self {
        let mut sender = Self::default();
        let fields = [
            ("username", user_name),
            ("id", id),
            ("email", email),
            ("uri", uri),
        ];
        for (attribute, value) in fields {
            sender.set(attribute, value);
        }
        sender
    }

    pub(super) fn set(&mut self, attribute: &str, value: &str) {
        let field = match attribute.to_ascii_lowercase().as_str() {
            "username" => &mut self.user_name,
            "id" => &mut self.id,
            "email" => &mut self.email,
            "uri" => &mut self.uri,
            _ => return,
        };
        value.trim().clone_into(field);
    }

    /// Whose address is the URI, then a user name that is one, then the e-mail address, then whatever
    /// else tells people apart.
    pub(crate) fn into_participant(self) -> Option<Participant> {
        let email = normalize(&self.email);
        let has_at = |text: &&String| text.contains('@');
        let address = Some(&self.uri).filter(|uri| !uri.is_empty());
        let address = address
            .or_else(|| Some(&self.user_name).filter(has_at))
            .or_else(|| Some(&email).filter(has_at))
            .or_else(|| Some(&self.user_name).filter(|name| !name.is_empty()));
        let address = match address {
            Some(address) => normalize(address),
            None if self.id.is_empty() => return None,
            None => format!("user {}", self.id),
        };
        let is_name = !self.user_name.is_empty() && normalize(&self.user_name) != address;
        Some(Participant {
            address,
            name: is_name.then_some(self.user_name),
            email: Some(email).filter(|email| email.contains('@')),
        })
    }
}

/// A `DateTimeUTC` while its attributes are read: ticks win over milliseconds, these over text.
#[derive(Clone, Debug, Default)]
pub(super) struct Time {
    ticks: Option<i64>,
    milliseconds: Option<i64>,
    text: Option<i64>,
}

impl Time {
    pub(super) fn set(&mut self, attribute: &str, value: &str) {
        let value = value.trim();
        match attribute.to_ascii_lowercase().as_str() {
            "long" => self.ticks = value.parse().ok().filter(|ticks| is_plausible(*ticks)),
            "since1970" => {
                let milliseconds = value.parse().ok();
                self.milliseconds = milliseconds.and_then(|ms: i64| from_unix(ms, 10_000));
            }
            "string" => {
                let time = value.parse::<Timestamp>().ok();
                let nanos = time.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
                self.text = nanos.and_then(|nanos| from_unix(nanos.div_euclid(100), 1));
            }
            _ => {}
        }
    }

    pub(super) fn ticks(&self) -> Option<i64> {
        self.ticks.or(self.milliseconds).or(self.text)
    }
}

/// Ticks of a number of units since 1970.
fn from_unix(count: i64, ticks_per_unit: i64) -> Option<i64> {
    let ticks = count
        .checked_mul(ticks_per_unit)?
        .checked_add(TICKS_AT_EPOCH);
    ticks.filter(|ticks| is_plausible(*ticks))
}

/// Nobody chatted before 1970; zero is how "no time" is written.
pub(crate) fn is_plausible(ticks: i64) -> bool {
    ticks > TICKS_AT_EPOCH && UtcTime::from_ticks(ticks).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(attributes: &[(&str, &str)]) -> Option<i64> {
        let mut time = Time::default();
        for (name, value) in attributes {
            time.set(name, value);
        }
        time.ticks()
    }

    #[test]
    fn the_published_sample_has_one_time_in_three_forms() {
        let long = ("long", "633482073409535482");
        let string = ("string", "2008-06-04T20:15:40.9535482Z");
        let since = ("since1970", "1212610540953");

        assert_eq!(ticks(&[string, since, long]), Some(633_482_073_409_535_482));
        assert_eq!(ticks(&[string]), Some(633_482_073_409_535_482));
        assert_eq!(ticks(&[string, since]), Some(633_482_073_409_530_000));
        assert_eq!(ticks(&[("long", "0"), string]), ticks(&[string]));
        assert_eq!(ticks(&[("long", "x")]), None);
    }

    fn participant(user_name: &str, email: &str, uri: &str) -> Participant {
        let sender = Sender {
            user_name: user_name.to_owned(),
            id: "7".to_owned(),
            email: email.to_owned(),
            uri: uri.to_owned(),
        };
        sender.into_participant().unwrap()
    }

    #[test]
    fn a_sender_is_known_by_uri_name_or_number() {
        let full = participant("Ann Example", "Ann@b.c", "sip:ANN@b.c");

        assert_eq!(full.address, "ann@b.c");
        assert_eq!(full.name.as_deref(), Some("Ann Example"));
        assert_eq!(full.email.as_deref(), Some("ann@b.c"));
        assert_eq!(participant("sip:ann@b.c", "", "").address, "ann@b.c");
        assert_eq!(participant("sip:ann@b.c", "", "").name, None);
        assert_eq!(participant("Ann", "ann@b.c", "").address, "ann@b.c");
        assert_eq!(participant("", "", "").address, "user 7");
    }
}
