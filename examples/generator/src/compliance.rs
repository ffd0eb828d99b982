//! Rooms as the compliance `XmlAdapter` writes them, after its published schema.

use jiff::{Timestamp, tz::Offset};

use crate::{
    attachment::File,
    people::Person,
    room::{Room, RoomEvent},
};

/// .NET ticks at the Unix epoch.
pub(crate) const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;
/// Ticks in a second.
const SECOND: i64 = 10_000_000;

/// What the adapter writes at the end of one of its intervals.
pub(crate) struct Interval<'a> {
    /// Start and end, Unix seconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Rooms in which something happened, and what.
    pub(crate) rooms: Vec<(&'a Room, Vec<&'a RoomEvent>)>,
}

impl Interval<'_> {
    /// The files' name without extension.
    pub(crate) fn name(&self) -> String {
        format!("Compliance-{}", civil(self.end).strftime("%Y%m%d-%H%M"))
    }

    /// The `.xml` file.
    pub(crate) fn xml(&self) -> String {
        let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
            <Conversations xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
            xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\r\n"
            .to_owned();
        for (room, events) in &self.rooms {
            self.conversation(&mut xml, room, events);
        }
        xml.push_str("</Conversations>\r\n");
        xml
    }

    /// The files that were put into rooms, by the names under which they are stored.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        let events = self.rooms.iter().flat_map(|(_, events)| events);
        events.filter_map(|event| Some((&*event.content, event.file.as_ref()?)))
    }

    /// The `.ATTACH` manifest of those files, where there are any. Its form is not published; this one
    /// is made up.
    pub(crate) fn manifest(&self) -> Option<String> {
        self.files().next()?;
        let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Attachments>\r\n".to_owned();
        for (stored, file) in self.files() {
            xml.push_str("  <Attachment");
            attribute(&mut xml, "file", stored);
            attribute(&mut xml, "name", &file.name);
            xml.push_str("/>\r\n");
        }
        xml.push_str("</Attachments>\r\n");
        Some(xml)
    }

    fn conversation(&self, xml: &mut String, room: &Room, events: &[&RoomEvent]) {
        xml.push_str("  <Conversation>\r\n    <Channel");
        attribute(xml, "uri", &room.uri);
        attribute(xml, "name", &room.name);
        attribute(xml, "islogged", "");
        xml.push_str("/>\r\n");
        for event in events.iter().take(1) {
            message(xml, "    ", "FirstMessage", event);
        }
        xml.push_str("    <Messages>\r\n");
        for event in events {
            message(xml, "      ", "Message", event);
        }
        xml.push_str("    </Messages>\r\n");
        for (element, seconds) in [("StartTimeUTC", self.start), ("EndTimeUTC", self.end)] {
            xml.push_str("    ");
            time(xml, element, seconds * SECOND);
        }
        xml.push_str("  </Conversation>\r\n");
    }
}

fn message(xml: &mut String, indent: &str, element: &str, event: &RoomEvent) {
    let person = &event.person;
    xml.extend([indent, "<", element]);
    attribute(xml, "type", event.what);
    attribute(xml, "content", &event.content);
    attribute(xml, "id", &event.id.to_string());
    xml.extend([">\r\n", indent, "  <Sender"]);
    attribute(xml, "UserName", user_name(person));
    attribute(xml, "id", &number(&person.address).to_string());
    attribute(xml, "email", &person.email);
    attribute(xml, "internal", "true");
    attribute(xml, "uri", &person.address);
    xml.extend(["/>\r\n", indent, "  "]);
    time(xml, "DateTimeUTC", event.ticks);
    xml.extend([indent, "</", element, ">\r\n"]);
}

/// The name that Persistent Chat shows; without an e-mail address it knows none.
pub(crate) fn user_name(person: &Person) -> &str {
    if person.email.is_empty() {
        &person.address
    } else {
        &person.name
    }
}

fn time(xml: &mut String, element: &str, ticks: i64) {
    let seconds = ticks.div_euclid(SECOND);
    let fraction = ticks.rem_euclid(SECOND);
    let text = civil(seconds).strftime("%Y-%m-%dT%H:%M:%S");
    xml.extend(["<", element]);
    attribute(xml, "since1970", &(ticks / 10_000).to_string());
    attribute(xml, "string", &format!("{text}.{fraction:07}Z"));
    attribute(xml, "long", &(ticks + TICKS_AT_EPOCH).to_string());
    xml.push_str("/>\r\n");
}

fn attribute(xml: &mut String, name: &str, value: &str) {
    xml.extend([" ", name, "=\""]);
    for c in value.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            _ => xml.push(c),
        }
    }
    xml.push('"');
}

/// The number the database has for somebody.
fn number(address: &str) -> u32 {
    let bytes = address.bytes();
    bytes.fold(7, |number: u32, byte| {
        number.wrapping_mul(31).wrapping_add(byte.into())
    }) % 10_000
}

fn civil(seconds: i64) -> jiff::civil::DateTime {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(time)
}
