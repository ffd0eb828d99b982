use std::io::{self, BufRead};

use quick_xml::{
    Reader,
    errors::{Error, SyntaxError},
    events::{BytesStart, Event},
};

use super::{
    Damage,
    encoding::Source,
    event::{Room, RoomEvent, Sender, Time},
    tag::{attributes, is_named, unescape},
};

/// First messages that wait for their repetition; more than one is a file we have not seen yet.
const MOST_FIRST: usize = 16;
/// The published schema nests five deep.
const DEEPEST: usize = 64;

/// Walks the elements of a file.
pub(super) struct Parser<R, F> {
    reader: Reader<Source<R>>,
    on_event: F,
    depth: usize,
    has_root: bool,
    room: Option<Room>,
    /// Depth of the children of the open `Messages`.
    messages: Option<usize>,
    event: Option<Draft>,
    /// `FirstMessage` repeats an entry of `Messages`: it counts only where it does not.
    first: Vec<RoomEvent>,
}

/// An event whose children are being read.
struct Draft {
    depth: usize,
    is_first: bool,
    kind: String,
    id: i64,
    content: String,
    sender: Option<Sender>,
    time: Option<Time>,
}

enum Stop<E> {
    Damage(Damage),
    Error(E),
}

impl<R, F, E> Parser<R, F>
where
    R: BufRead,
    F: FnMut(RoomEvent) -> Result<(), E>,
    E: From<io::Error>,
{
    pub(super) fn new(source: Source<R>, on_event: F) -> Self {
        Self {
            reader: Reader::from_reader(source),
            on_event,
            depth: 0,
            has_root: false,
            room: None,
            messages: None,
            event: None,
            first: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Result<(), Damage>, E> {
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            self.reader.get_mut().begin();
            let step = match self.reader.read_event_into(&mut buffer) {
                Ok(Event::Eof) => return Ok(self.end_of_file()),
                Ok(event) => self.event(&event),
                Err(error) => Err(self.stop(error)),
            };
            match step {
                Ok(()) => {}
                Err(Stop::Damage(damage)) => return Ok(Err(damage)),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), Stop<E>> {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::Empty(tag) => {
                self.start(tag)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::DocType(_) => Err(Stop::Damage(Damage::Entities)),
            Event::GeneralRef(reference) => {
                let text = format!("&{};", &**reference);
                unescape(&text).map(drop).map_err(Stop::Damage)
            }
            Event::Text(text) if self.depth == 0 && !text.trim().is_empty() => {
                Err(Stop::Damage(Damage::Malformed))
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Stop<E>> {
        let name = tag.local_name();
        let name = name.as_ref();
        if self.depth == 0 {
            let is_ours = is_named(name, "Conversations") || is_named(name, "Conversation");
            if self.has_root || !is_ours {
                return Err(Stop::Damage(Damage::Foreign));
            }
            self.has_root = true;
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Stop::Damage(Damage::TooDeep));
        }
        if self.event.is_some() {
            return self.start_in_event(name, tag).map_err(Stop::Damage);
        }
        let is_entry = self.messages == Some(self.depth);
        if is_entry || is_named(name, "Message") || is_named(name, "FirstMessage") {
            let draft = Draft::begin(name, tag, self.depth).map_err(Stop::Damage)?;
            self.event = Some(draft);
        } else if is_named(name, "Messages") {
            self.messages = Some(self.depth + 1);
        } else if is_named(name, "Conversation") {
            self.end_conversation()?;
        } else if is_named(name, "Channel") && self.room.is_none() {
            self.room = channel(tag).map_err(Stop::Damage)?;
        }
        Ok(())
    }

    fn start_in_event(&mut self, name: &str, tag: &BytesStart<'_>) -> Result<(), Damage> {
        let Some(draft) = &mut self.event else {
            return Ok(());
        };
        if is_named(name, "Sender") && draft.sender.is_none() {
            let mut sender = Sender::default();
            attributes(tag, |name, value| sender.set(name, &value))?;
            draft.sender = Some(sender);
        } else if is_named(name, "DateTimeUTC") && draft.time.is_none() {
            let mut time = Time::default();
            attributes(tag, |name, value| time.set(name, &value))?;
            draft.time = Some(time);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop<E>> {
        if let Some(draft) = self.event.take_if(|draft| draft.depth == self.depth) {
            self.end_event(draft)?;
        }
        if self.messages == Some(self.depth + 1) {
            self.messages = None;
        }
        self.depth -= 1;
        if self.depth == 0 {
            self.end_conversation()?;
        }
        Ok(())
    }

    fn end_event(&mut self, draft: Draft) -> Result<(), Stop<E>> {
        let room = self.room.clone().ok_or(Stop::Damage(Damage::NoRoom))?;
        let is_first = draft.is_first;
        let event = draft.finish(room).map_err(Stop::Damage)?;
        if is_first {
            self.first.push(event);
            if self.first.len() > MOST_FIRST {
                let event = self.first.remove(0);
                return self.emit(event);
            }
            return Ok(());
        }
        if let Some(repeated) = self.first.iter().position(|first| *first == event) {
            self.first.remove(repeated);
        }
        self.emit(event)
    }

    fn end_conversation(&mut self) -> Result<(), Stop<E>> {
        for event in std::mem::take(&mut self.first) {
            self.emit(event)?;
        }
        self.room = None;
        Ok(())
    }

    fn emit(&mut self, event: RoomEvent) -> Result<(), Stop<E>> {
        (self.on_event)(event).map_err(Stop::Error)
    }

    fn end_of_file(&self) -> Result<(), Damage> {
        if self.depth > 0 {
            return Err(Damage::CutOff);
        }
        self.has_root.then_some(()).ok_or(Damage::Empty)
    }

    /// Tells the disk's errors from the file's.
    fn stop(&mut self, error: Error) -> Stop<E> {
        match error {
            Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
                let error = io::Error::new(error.kind(), error.to_string());
                Stop::Error(error.into())
            }
            Error::Io(_) if self.reader.get_mut().is_exhausted() => {
                Stop::Damage(Damage::HugeElement)
            }
            Error::Io(_) | Error::Encoding(_) => Stop::Damage(Damage::Encoding),
            // The others say that the file ends within a tag.
            Error::Syntax(error) if error != SyntaxError::InvalidBangMarkup => {
                Stop::Damage(Damage::CutOff)
            }
            _ => Stop::Damage(Damage::Malformed),
        }
    }
}

impl Draft {
    fn begin(name: &str, tag: &BytesStart<'_>, depth: usize) -> Result<Self, Damage> {
        let mut draft = Self {
            depth,
            is_first: is_named(name, "FirstMessage"),
            kind: String::new(),
            id: 0,
            content: String::new(),
            sender: None,
            time: None,
        };
        attributes(tag, |attribute, value| {
            if is_named(attribute, "type") {
                draft.kind = value.trim().to_uppercase();
            } else if is_named(attribute, "id") {
                draft.id = value.trim().parse().unwrap_or(0);
            } else if is_named(attribute, "content") {
                draft.content = value.into_owned();
            }
        })?;
        if draft.kind.is_empty() {
            // An element of a later version: its name is the source's word for it.
            draft.kind = name.to_uppercase();
        }
        Ok(draft)
    }

    fn finish(self, room: Room) -> Result<RoomEvent, Damage> {
        let ticks = self.time.and_then(|time| time.ticks());
        Ok(RoomEvent {
            room,
            kind: self.kind,
            id: self.id,
            content: self.content,
            sender: self.sender.and_then(Sender::into_participant),
            ticks: ticks.ok_or(Damage::NoTime)?,
        })
    }
}

/// A room without a URI is none.
fn channel(tag: &BytesStart<'_>) -> Result<Option<Room>, Damage> {
    let mut room = Room::default();
    attributes(tag, |attribute, value| {
        if is_named(attribute, "uri") {
            value.trim().clone_into(&mut room.uri);
        } else if is_named(attribute, "name") {
            room.name = Some(value.trim().to_owned()).filter(|name| !name.is_empty());
        }
    })?;
    Ok(Some(room).filter(|room| !room.uri.is_empty()))
}
