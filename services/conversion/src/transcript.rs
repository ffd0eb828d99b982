//! What was said, as people read it: one entry per event, in text and HTML.

pub(crate) mod clock;
pub(crate) mod label;
pub(crate) mod link;
pub(crate) mod pen;

use std::ops::Range;

use chatkeep_model::{Content, Conversation, Event, Transcript, What};
use jiff::tz::TimeZone;
use memchr::memmem;

use self::{
    clock::{Clock, Day},
    label::Label,
    pen::{Pen, To},
};
use crate::body::{self, Kept, Sanitizer};

/// An entry that cannot have a line over 998 bytes need not be searched for one.
const LONGEST_LINE: usize = 998;

/// The entries of a transcript and what could not be shown in it.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// The text of all entries.
    pub(crate) text: String,
    /// The HTML of all entries.
    pub(crate) html: String,
    /// Where the entries stand, in order.
    pub(crate) list: Vec<Entry>,
    /// Bodies that have no readable form, or lost something on the way to it.
    pub(crate) kept: Vec<Kept>,
}

/// One entry: an event, a whole transcript, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) text: Span,
    pub(crate) html: Span,
    /// The day it belongs to, in the transcript's zone; `None` for a transcript the source rendered.
    pub(crate) day: Option<Day>,
    /// It has a line over 998 bytes.
    pub(crate) is_long: bool,
}

/// Where an entry stands: a head (time and sender), what was said, a tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) all: Range<usize>,
    pub(crate) said: Range<usize>,
}

impl Entries {
    /// Renders what was said.
    pub(crate) fn of(conversation: &Conversation, zone: &TimeZone, sanitizer: &Sanitizer) -> Self {
        match &conversation.content {
            Content::Events(events) => Writer::new(conversation, zone, sanitizer).events(events),
            Content::Transcript(transcript) => whole(transcript, sanitizer),
        }
    }
}

/// True where a line is longer than MIME allows.
pub(crate) fn has_long_line(text: &str) -> bool {
    if text.len() <= LONGEST_LINE {
        return false;
    }
    let mut start = 0;
    let mut ends = memmem::find_iter(text.as_bytes(), "\r\n").chain([text.len()]);
    ends.any(|end| {
        let length = end - start;
        start = end + 2;
        length > LONGEST_LINE
    })
}

struct Writer<'a> {
    clock: Clock<'a>,
    labels: Vec<Label>,
    unknown: Label,
    sanitizer: &'a Sanitizer,
    pen: Pen,
    entries: Entries,
    time: String,
}

impl<'a> Writer<'a> {
    fn new(conversation: &Conversation, zone: &'a TimeZone, sanitizer: &'a Sanitizer) -> Self {
        Self {
            clock: Clock::new(zone),
            labels: label::all(conversation),
            unknown: Label::unknown(),
            sanitizer,
            pen: Pen::default(),
            entries: Entries::default(),
            time: String::new(),
        }
    }

    fn events(mut self, events: &[Event]) -> Entries {
        let size: usize = events.iter().map(|event| 48 + size(&event.what)).sum();
        self.pen = Pen::with_capacity(size);
        self.pen.indent = "    ";
        self.entries.list.reserve(events.len());
        for event in events {
            self.event(event);
        }
        self.entries.text = self.pen.text;
        self.entries.html = self.pen.html;
        self.entries
    }

    fn event(&mut self, event: &Event) {
        let (text, html) = (self.pen.text.len(), self.pen.html.len());
        self.time.clear();
        let day = self.clock.write(event.at, &mut self.time);
        let is_said = matches!(event.what, What::Said(_) | What::SaidInBackchat(_));
        self.head(event, is_said);
        let (text_said, html_said) = (self.pen.text.len(), self.pen.html.len());
        self.what(&event.what);
        self.pen.isolate_from(text_said);
        let (text_end, html_end) = (self.pen.text.len(), self.pen.html.len());
        self.pen.text.push_str("\r\n");
        self.pen.html.push_str("</td></tr>\r\n");
        let text = Span {
            all: text..self.pen.text.len(),
            said: text_said..text_end,
        };
        let html = Span {
            all: html..self.pen.html.len(),
            said: html_said..html_end,
        };
        self.entries.list.push(Entry {
            is_long: has_long_line(&self.pen.text[text.all.clone()])
                || has_long_line(&self.pen.html[html.all.clone()]),
            text,
            html,
            day: Some(day),
        });
    }

    fn head(&mut self, event: &Event, is_said: bool) {
        let sender = event.sender.and_then(|sender| usize::try_from(sender).ok());
        let label = sender.and_then(|sender| self.labels.get(sender));
        let label = label.unwrap_or(&self.unknown);
        let (open, name_end) = if is_said { ("] ", ": ") } else { ("] * ", " ") };
        let row = if is_said {
            "<tr><td>"
        } else {
            "<tr class=\"e\"><td>"
        };
        let [channel, weight] = notes(&event.what);
        let text = &mut self.pen.text;
        for piece in [
            "[",
            &self.time,
            open,
            &label.text,
            channel,
            weight,
            name_end,
        ] {
            text.push_str(piece);
        }
        let html = &mut self.pen.html;
        for piece in [
            row,
            &self.time,
            "</td><td>",
            &label.html,
            channel,
            weight,
            "</td><td dir=\"auto\">",
        ] {
            html.push_str(piece);
        }
    }

    fn what(&mut self, what: &What) {
        match what {
            What::Said(said) | What::SaidInBackchat(said) => {
                let number = self.entries.list.len() + 1;
                let kept = body::write(said, number, self.sanitizer, &mut self.pen);
                self.entries.kept.extend(kept);
            }
            What::Joined => self.pen.words("joined", To::Both),
            What::Left => self.pen.words("left", To::Both),
            What::FileUploaded(name) => self.named("uploaded the file ", name),
            What::FileDownloaded(name) => self.named("downloaded the file ", name),
            What::Other { name, content } => self.other(name, content),
        }
    }

    fn named(&mut self, done: &str, name: &str) {
        self.pen.words(done, To::Both);
        self.pen.words(name, To::Both);
    }

    /// Persistent Chat numbers the two events its XML schema has no word for: 10 is a deletion with
    /// replacement, 11 a purge (reference: `tblComplianceData.cmplType`).
    fn other(&mut self, name: &str, content: &str) {
        let word = name.to_ascii_lowercase();
        let is_any = |words: &[&str]| words.iter().any(|known| word.contains(known));
        if word == "10" || is_any(&["edit", "replace", "modif", "update", "change"]) {
            self.pen.words("edited a message", To::Both);
        } else if word == "11" || is_any(&["delet", "remov", "purg", "clear", "redact"]) {
            self.pen.words("deleted a message", To::Both);
        } else {
            self.named(
                "event ",
                if name.is_empty() {
                    "without a name"
                } else {
                    name
                },
            );
        }
        if !content.is_empty() {
            self.named(": ", content);
        }
    }
}

/// What stands behind the name of who said something: where, and that everybody was to see it.
fn notes(what: &What) -> [&'static str; 2] {
    let (channel, said) = match what {
        What::Said(said) => ("", said),
        What::SaidInBackchat(said) => (" (back channel)", said),
        _ => return [""; 2],
    };
    let weight = if said.is_important() {
        " (important)"
    } else {
        ""
    };
    [channel, weight]
}

fn size(what: &What) -> usize {
    match what {
        What::Said(body) | What::SaidInBackchat(body) => body.text.len(),
        What::FileUploaded(name) | What::FileDownloaded(name) => name.len(),
        What::Other { name, content } => name.len() + content.len(),
        What::Joined | What::Left => 0,
    }
}

/// A transcript the source rendered: kept as it is, only made safe, the missing alternative derived.
fn whole(transcript: &Transcript, sanitizer: &Sanitizer) -> Entries {
    let mut pen = Pen::default();
    let mut kept = None;
    match (&transcript.text, &transcript.html) {
        (Some(text), None) => {
            pen.html
                .push_str("<div dir=\"auto\" style=\"white-space:pre-wrap\">");
            pen.words(text, To::Both);
            pen.html.push_str("</div>");
        }
        (Some(text), Some(html)) => {
            kept = sanitizer.write(html, None, &mut pen.html);
            pen.words(text, To::Text);
        }
        (None, Some(html)) => {
            kept = sanitizer.write(html, None, &mut pen.html);
            let clean = std::mem::take(&mut pen.html);
            body::html_text::write(&clean, &mut pen);
            pen.html = clean;
        }
        (None, None) => {}
    }
    pen.isolate_from(0);
    if !pen.text.is_empty() && !pen.text.ends_with("\r\n") {
        pen.text.push_str("\r\n");
    }
    pen.html.push_str("\r\n");
    entry_of(pen, kept)
}

fn entry_of(pen: Pen, kept: Option<Kept>) -> Entries {
    let span = |text: &str| Span {
        all: 0..text.len(),
        said: 0..text.len(),
    };
    let entry = Entry {
        text: span(&pen.text),
        html: span(&pen.html),
        day: None,
        is_long: has_long_line(&pen.text) || has_long_line(&pen.html),
    };
    Entries {
        text: pen.text,
        html: pen.html,
        list: vec![entry],
        kept: kept.into_iter().collect(),
    }
}

impl Span {
    /// The same span, this many bytes further on.
    pub(crate) fn moved(&self, bytes: usize) -> Self {
        Self {
            all: self.all.start + bytes..self.all.end + bytes,
            said: self.said.start + bytes..self.said.end + bytes,
        }
    }
}
