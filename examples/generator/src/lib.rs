#![doc = include_str!("../README.md")]

mod attachment;
mod compliance;
mod databases;
mod dialogues;
mod eml;
mod expected;
mod lcslog;
mod mgc;
mod options;
mod output;
mod people;
mod random;
mod room;
mod session;
mod sql;
mod tables;

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    compliance::Interval,
    databases::Databases,
    expected::Count,
    output::Output,
    random::Random,
    room::{Room, RoomEvent},
    session::{DAY, FIRST_DAY, Kind, World},
};

pub use crate::{
    expected::{Conversations, Deliveries, Expected, Files, Mailbox, Records, SourceUser},
    options::Options,
};

/// Why no sample could be written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The options contradict each other.
    #[error("--{option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An export is there already.
    #[error("{} exists already; remove it or choose another folder", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be written.
    #[error("write {}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Writes a sample into a folder and returns what archiving it once must come to. The same options
/// give the same bytes.
pub fn generate(options: &Options, out: &Path) -> Result<Expected, GenerateError> {
    options.check()?;
    let world = World::new(options);
    let mut generator = Generator {
        output: Output::new(out)?,
        count: Count::default(),
        databases: options.databases.then(|| Databases::new(options)),
        world: &world,
    };
    generator.sessions()?;
    generator.rooms()?;
    generator.tables()?;
    if let Some(databases) = &generator.databases {
        databases.write(&mut generator.output)?;
    }
    Ok(generator.count.finish())
}

struct Generator<'a> {
    world: &'a World,
    output: Output,
    count: Count,
    databases: Option<Databases>,
}

impl Generator<'_> {
    fn sessions(&mut self) -> Result<(), GenerateError> {
        for number in 0..self.world.options.conversations() {
            let session = self.world.session(number);
            if let Some(databases) = &mut self.databases {
                databases.session(&session);
            }
            self.export(&session, number, session.pool, 0)?;
            if let Some(copy) = &session.copy {
                self.export(&session, number, copy.pool, copy.ahead)?;
                self.count.passed_over(session.is_excluded);
            }
            if session.is_excluded {
                self.count.passed_over(true);
                continue;
            }
            self.count.item(1, session.people.iter());
            let conversations = &mut self.count.expected.conversations;
            match session.kind {
                Kind::PeerToPeer => conversations.p2p += 1,
                Kind::Conference => conversations.conference += 1,
            }
        }
        Ok(())
    }

    fn export(
        &mut self,
        session: &session::Session,
        number: u64,
        pool: u32,
        ahead: i64,
    ) -> Result<(), GenerateError> {
        let mut random = Random::of(
            self.world.options.seed,
            "export",
            number * 100 + u64::from(pool),
        );
        let export = eml::export(session, pool, ahead, &mut random);
        let pool = format!("sql{:02}.contoso.com_lyncarch", pool + 1);
        let path = format!("exports/{pool}/{}/{}", export.folder, export.name);
        self.count.expected.files.archiving_export += 1;
        self.output.write(&path, &export.bytes)
    }

    fn rooms(&mut self) -> Result<(), GenerateError> {
        let rooms = 0..u64::from(self.world.options.rooms());
        let mut rooms: Vec<_> = rooms.map(|number| Room::of(self.world, number)).collect();
        if rooms.is_empty() {
            return Ok(());
        }
        for day in 0..self.world.options.days {
            let events: Vec<_> = rooms
                .iter_mut()
                .map(|room| self.room_day(room, day))
                .collect();
            let midnight = FIRST_DAY + i64::from(day) * DAY;
            let noon = midnight + DAY / 2;
            self.interval(midnight, noon, &rooms, &events)?;
            self.interval(noon, midnight + DAY, &rooms, &events)?;
        }
        Ok(())
    }

    fn room_day(&mut self, room: &mut Room, day: u32) -> Vec<RoomEvent> {
        let mut people = room.present().to_vec();
        let events = room.day(self.world, day);
        if let Some(databases) = &mut self.databases {
            databases.room_day(room, &events);
        }
        people.extend(events.iter().map(|event| event.person.clone()));
        self.count.expected.conversations.room += 1;
        self.count.item(events.len() as u64, people.iter());
        events
    }

    /// Writes what the adapter hands out for a span of time.
    fn interval(
        &mut self,
        start: i64,
        end: i64,
        rooms: &[Room],
        events: &[Vec<RoomEvent>],
    ) -> Result<(), GenerateError> {
        let span = start * 10_000_000..end * 10_000_000;
        let happened = rooms.iter().zip(events).map(|(room, events)| {
            let inside = events.iter().filter(|event| span.contains(&event.ticks));
            (room, inside.collect::<Vec<_>>())
        });
        let interval = Interval {
            start,
            end,
            rooms: happened.filter(|(_, events)| !events.is_empty()).collect(),
        };
        if interval.rooms.is_empty() {
            return Ok(());
        }
        let path = format!("compliance/{}", interval.name());
        let files = &mut self.count.expected.files;
        files.persistent_chat_xml += 1;
        self.output
            .write(&format!("{path}.xml"), interval.xml().as_bytes())?;
        if let Some(manifest) = interval.manifest() {
            files.attachment_manifests += 1;
            self.output
                .write(&format!("{path}.ATTACH"), manifest.as_bytes())?;
        }
        for (stored, file) in interval.files() {
            files.room_files += 1;
            self.output
                .write(&format!("compliance/{stored}"), &file.bytes)?;
        }
        Ok(())
    }

    fn tables(&mut self) -> Result<(), GenerateError> {
        let World { options, cast, .. } = self.world;
        let mut sessions = (0..options.conversations()).map(|number| self.world.session(number));
        let shown = sessions.find(|it| it.kind == Kind::PeerToPeer && it.lines.len() > 8);
        let files = [
            ("directory.csv", tables::directory(cast)),
            ("mapping.csv", tables::mapping(cast)),
            ("connector.toml", tables::connector(options)),
            ("README.md", tables::readme(options, shown.as_ref())),
        ];
        files
            .iter()
            .try_for_each(|(name, text)| self.output.write(name, text.as_bytes()))
    }
}
