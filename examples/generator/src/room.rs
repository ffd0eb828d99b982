//! Persistent chat rooms over several days.

use crate::{
    attachment::{self, File},
    people::Person,
    random::Random,
    session::{DAY, FIRST_DAY, World},
};

/// Ticks of 100 ns in a second, the clock of Persistent Chat.
const SECOND: i64 = 10_000_000;

/// What happened in a room.
pub(crate) struct RoomEvent {
    /// Ticks of 100 ns since the Unix epoch.
    pub(crate) ticks: i64,
    /// The adapter's word for it.
    pub(crate) what: &'static str,
    pub(crate) content: String,
    /// Number of the chat message in its room, 0 for other events.
    pub(crate) id: u64,
    pub(crate) person: Person,
    /// The file that was put into the room.
    pub(crate) file: Option<File>,
}

/// A room, its members, and who stayed in it overnight.
pub(crate) struct Room {
    pub(crate) uri: String,
    pub(crate) name: String,
    number: u64,
    /// Auditorium rooms have a back channel.
    is_auditorium: bool,
    members: Vec<Person>,
    present: Vec<Person>,
    chats: u64,
}

impl Room {
    pub(crate) fn of(world: &World, number: u64) -> Self {
        const NAMES: [&str; 6] = [
            "Operations Bridge",
            "Product Ideas",
            "Verkauf Süd",
            "Release Train",
            "Café & Kultur",
            "All Hands <live>",
        ];
        let mut random = Random::of(world.options.seed, "room", number);
        let uri = format!("ma-chan://contoso.com/{}", random.guid());
        let names = NAMES.len() as u64;
        let name = NAMES[usize::try_from(number % names).unwrap_or(0)];
        let name = match number / names {
            0 => name.to_owned(),
            again => format!("{name} {}", again + 1),
        };
        let users = &world.cast.users;
        let first = usize::try_from(number * 5).unwrap_or(0);
        let members = users
            .iter()
            .cycle()
            .skip(first % users.len())
            .take(6.min(users.len()));
        Self {
            uri,
            name,
            number,
            is_auditorium: number % 2 == 1,
            members: members.cloned().collect(),
            present: Vec::new(),
            chats: 0,
        }
    }

    /// Who is in the room without having come today.
    pub(crate) fn present(&self) -> &[Person] {
        &self.present
    }

    /// What happens on a day, in order. The first member comes on the first day, and never leaves nor
    /// says a word again.
    pub(crate) fn day(&mut self, world: &World, day: u32) -> Vec<RoomEvent> {
        let seed = world.options.seed;
        let number = self.number * 10_000 + u64::from(day);
        let morning = (FIRST_DAY + i64::from(day) * DAY + 8 * 3_600) * SECOND;
        let mut clock = Clock {
            ticks: morning,
            events: Vec::new(),
            random: Random::of(seed, "room day", number),
        };
        self.arrive(&mut clock, day);
        let talks = 2 + clock.random.below(2);
        for talk in 0..talks {
            self.talk(world, &mut clock, day, talk);
            if talk == 0 {
                self.exchange_file(&mut clock, day);
            }
            clock.ticks += 2 * 3_600 * SECOND;
            clock.skip(2 * 3_600);
        }
        self.depart(&mut clock);
        clock.events
    }

    fn arrive(&mut self, clock: &mut Clock, day: u32) {
        for (position, member) in self.members.iter().enumerate() {
            let is_here = self
                .present
                .iter()
                .any(|person| person.address == member.address);
            let comes = day == 0 || clock.random.percent(75) || position < 3;
            if !is_here && comes {
                clock.add("JOIN", String::new(), 0, member);
                self.present.push(member.clone());
            }
        }
    }

    fn talk(&mut self, world: &World, clock: &mut Clock, day: u32, talk: u64) {
        let turn = self.number * 2 + u64::from(day) * 3 + talk;
        let speakers = self.speakers(day);
        let shift = clock.random.index(speakers.len());
        for line in world.dialogues.of_room(turn, &mut clock.random) {
            let speaker = &speakers[(line.speaker + shift) % speakers.len()];
            self.chats += 1;
            let is_aside = self.is_auditorium && clock.random.percent(20);
            let what = if is_aside { "BACKCHAT" } else { "CHAT" };
            clock.add(what, line.text, self.chats, speaker);
        }
    }

    /// Somebody puts a file into the room, somebody else fetches it. The name is the one under which
    /// the file is stored.
    fn exchange_file(&self, clock: &mut Clock, day: u32) {
        let speakers = self.speakers(day);
        let giver = clock.random.index(speakers.len());
        let taker = (giver + 1) % speakers.len();
        let file = attachment::small(u64::from(day), &mut clock.random);
        let extension = file.name.rsplit('.').next().unwrap_or_default();
        let name = format!("{}.{extension}", clock.random.guid());
        clock.add("FILEUPLOAD", name.clone(), 0, &speakers[giver]);
        if let Some(upload) = clock.events.last_mut() {
            upload.file = Some(file);
        }
        if giver != taker {
            clock.add("FILEDOWNLOAD", name, 0, &speakers[taker]);
        }
    }

    fn depart(&mut self, clock: &mut Clock) {
        let stays = clock.random.index(self.present.len());
        let mut staying = Vec::new();
        for (position, person) in self.present.drain(..).enumerate() {
            if position == 0 || position == stays {
                staying.push(person);
            } else {
                clock.add("PART", String::new(), 0, &person);
            }
        }
        self.present = staying;
    }

    fn speakers(&self, day: u32) -> Vec<Person> {
        let silent = usize::from(day > 0 && self.present.len() > 1);
        self.present[silent..].to_vec()
    }
}

struct Clock {
    ticks: i64,
    events: Vec<RoomEvent>,
    random: Random,
}

impl Clock {
    fn add(&mut self, what: &'static str, content: String, id: u64, person: &Person) {
        self.skip(60);
        self.events.push(RoomEvent {
            ticks: self.ticks,
            what,
            content,
            id,
            person: person.clone(),
            file: None,
        });
    }

    /// Moves on by at least a second and at most so many and one.
    fn skip(&mut self, seconds: u64) {
        let ticks = SECOND.unsigned_abs() + self.random.below(seconds * SECOND.unsigned_abs());
        self.ticks = self.ticks.saturating_add_unsigned(ticks);
    }
}
