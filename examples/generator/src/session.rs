//! Sessions and conferences: who says what to whom, when.

use crate::{
    Options,
    attachment::{self, File},
    dialogues::{Dialogues, Language, Line},
    people::{Cast, DOMAIN, Person, Place},
    random::Random,
};

/// 2025-03-10, 07:00 UTC, a Monday.
pub(crate) const FIRST_MORNING: i64 = FIRST_DAY + 7 * 60 * 60;
/// 2025-03-10, 00:00 UTC.
pub(crate) const FIRST_DAY: i64 = 1_741_564_800;
/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// What all sessions are made from.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) cast: Cast,
    pub(crate) dialogues: Dialogues,
}

/// What kind of session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    PeerToPeer,
    Conference,
}

/// One archived session.
pub(crate) struct Session {
    pub(crate) kind: Kind,
    /// Start, Unix seconds.
    pub(crate) start: i64,
    /// Everybody in it, who opened it first.
    pub(crate) people: Vec<Person>,
    pub(crate) lines: Vec<Spoken>,
    pub(crate) files: Vec<File>,
    /// The pool that exports it.
    pub(crate) pool: u32,
    /// The copy that another pool exports, too.
    pub(crate) copy: Option<Copied>,
    /// True when the exclusion rule leaves it out.
    pub(crate) is_excluded: bool,
    pub(crate) is_right_to_left: bool,
}

/// A chat message.
pub(crate) struct Spoken {
    /// Unix seconds.
    pub(crate) at: i64,
    /// Position in the session's people.
    pub(crate) speaker: usize,
    pub(crate) text: String,
}

/// The same session as another pool saw it.
pub(crate) struct Copied {
    pub(crate) pool: u32,
    /// That pool's clock is so many seconds ahead.
    pub(crate) ahead: i64,
}

/// Who talks, and in which words.
struct Scene {
    kind: Kind,
    people: Vec<Person>,
    script: Vec<Line>,
    language: Language,
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            cast: match options.mailboxes_per_conversation {
                Some(_) => Cast::plain(options.users),
                None => Cast::varied(options.users),
            },
            dialogues: Dialogues::load(),
            options: options.clone(),
        }
    }

    /// The session with this number, the same whichever others are made.
    pub(crate) fn session(&self, number: u64) -> Session {
        let mut random = Random::of(self.options.seed, "session", number);
        let megabytes = self.megabytes(number);
        let scene = match self.options.mailboxes_per_conversation {
            Some(mailboxes) => self.measured(number, mailboxes, megabytes, &mut random),
            None if number % 3 == 2 || megabytes > 0 => self.conference(number, &mut random),
            None => self.peer_to_peer(number, &mut random),
        };
        let start = self.start(number, &mut random);
        let bot = &self.cast.bot.address;
        let home = self.home(&scene.people[0]);
        // A telephone, always the last one, can listen only.
        let can_type = |person: &&Person| !person.address.starts_with('+');
        let typists = scene.people.iter().filter(can_type).count();
        let copy = self.copy(&scene, home, number);
        Session {
            kind: scene.kind,
            start,
            lines: spoken(scene.script, start, typists, &mut random),
            files: self.files(scene.kind, number, megabytes, &mut random),
            pool: home,
            copy,
            is_excluded: scene.people.iter().any(|person| person.address == *bot),
            is_right_to_left: scene.language.is_right_to_left(),
            people: scene.people,
        }
    }

    fn start(&self, number: u64, random: &mut Random) -> i64 {
        let a_day = self.options.conversations_a_day();
        let (day, position) = (number / a_day, number % a_day);
        let jitter = random.below(self.options.seconds_between().saturating_sub(4));
        let second = self.options.second_of(position) + jitter;
        FIRST_MORNING + signed(day) * DAY + signed(second)
    }

    /// Exactly so many of ours; one alone talks to a partner.
    fn measured(&self, number: u64, mailboxes: u32, megabytes: u64, random: &mut Random) -> Scene {
        let users = &self.cast.users;
        let first = position(number, users.len());
        let ours = users.iter().cycle().skip(first).take(mailboxes as usize);
        let mut people: Vec<_> = ours.cloned().collect();
        if mailboxes == 1 {
            let partners = &self.cast.partners;
            let partner = &partners[position(number / users.len() as u64, partners.len())];
            people.insert(random.index(2), partner.clone());
        }
        let is_conference = mailboxes > 1 || megabytes > 0;
        let wanted = 36 + random.index(11);
        let mut script = Vec::new();
        while script.len() < wanted {
            script.extend(if mailboxes > 1 {
                self.dialogues.of_conference(random.next(), random)
            } else {
                self.dialogues
                    .of_two(Language::English, random.next(), random)
            });
        }
        script.truncate(wanted);
        Scene {
            kind: if is_conference {
                Kind::Conference
            } else {
                Kind::PeerToPeer
            },
            people,
            script,
            language: Language::English,
        }
    }

    fn peer_to_peer(&self, number: u64, random: &mut Random) -> Scene {
        let users = &self.cast.users;
        // Every third conversation is a conference; everybody opens one in turn.
        let turn = number - number / 3;
        let first = position(turn * 5 + turn / users.len() as u64, users.len());
        let neighbour = first ^ 1;
        let second = match number % 12 {
            7 => &self.cast.bot,
            1 | 9 => random.pick(&self.cast.partners),
            _ if neighbour < users.len() && random.percent(60) => &users[neighbour],
            _ => &users[(first + 1 + random.index(users.len() - 1)) % users.len()],
        };
        let first = &users[first];
        let language = if first.language == second.language {
            first.language
        } else {
            Language::English
        };
        let is_bot = second.address == self.cast.bot.address;
        let script = if is_bot {
            self.dialogues.with_bot(turn, random)
        } else if second.row.is_none() && !second.address.ends_with(DOMAIN) {
            self.dialogues.with_partner(turn / 4, random)
        } else {
            self.dialogues.of_two(language, turn, random)
        };
        let mut people = vec![first.clone(), second.clone()];
        if second.place == Place::External && !is_bot && random.percent(30) {
            people.swap(0, 1);
        }
        Scene {
            kind: Kind::PeerToPeer,
            people,
            script,
            language,
        }
    }

    fn conference(&self, number: u64, random: &mut Random) -> Scene {
        let users = &self.cast.users;
        let first = random.index(users.len());
        let step = 1 + random.index(2);
        let size = 3 + random.index(3);
        let mut people: Vec<Person> = Vec::new();
        for person in users.iter().cycle().skip(first).step_by(step).take(size) {
            if !people.iter().any(|other| other.address == person.address) {
                people.push(person.clone());
            }
        }
        match number / 3 % 4 {
            0 => people.push(anonymous(random)),
            1 => people.push(random.pick(&self.cast.partners).clone()),
            2 => people.push(telephone()),
            _ => {}
        }
        Scene {
            kind: Kind::Conference,
            people,
            script: self.dialogues.of_conference(number / 3, random),
            language: Language::English,
        }
    }

    /// Where somebody is homed; whoever is not ours has no pool.
    fn pool_of(&self, person: &Person) -> Option<u32> {
        let users = self.cast.users.iter();
        let position = users
            .zip(0..)
            .find(|(user, _)| user.address == person.address);
        position.map(|(_, number): (_, u32)| number % self.options.pools)
    }

    fn home(&self, first: &Person) -> u32 {
        self.pool_of(first).unwrap_or(0)
    }

    /// By default both pools archive a session between them; some were exported by both.
    fn copy(&self, scene: &Scene, home: u32, number: u64) -> Option<Copied> {
        let is_measured = self.options.mailboxes_per_conversation.is_some();
        if is_measured || scene.kind == Kind::Conference || number % 2 == 1 {
            return None;
        }
        let pool = self
            .pool_of(&scene.people[1])
            .filter(|pool| *pool != home)?;
        let ahead = signed(number / 2 % 2);
        Some(Copied { pool, ahead })
    }

    /// Megabytes of files spread over the conversations.
    fn megabytes(&self, number: u64) -> u64 {
        let total = u64::from(self.options.files_mb);
        let until = |number: u64| number * total / self.options.conversations().max(1);
        until(number + 1) - until(number)
    }

    fn files(&self, kind: Kind, number: u64, megabytes: u64, random: &mut Random) -> Vec<File> {
        let is_measured = self.options.mailboxes_per_conversation.is_some();
        let mut files = Vec::new();
        if kind == Kind::Conference && !is_measured && (number / 3).is_multiple_of(2) {
            files = attachment::meeting_files(number / 6, random);
        }
        if megabytes > 0 {
            files.push(attachment::large(megabytes, random));
        }
        files
    }
}

/// Gives the lines of a script their times and speakers.
fn spoken(script: Vec<Line>, start: i64, people: usize, random: &mut Random) -> Vec<Spoken> {
    let mut at = start;
    let line = |line: Line| {
        let spoken = Spoken {
            at,
            speaker: line.speaker % people,
            text: line.text,
        };
        at += signed(5 + random.below(40));
        spoken
    };
    script.into_iter().map(line).collect()
}

fn anonymous(random: &mut Random) -> Person {
    Person {
        name: "Guest".to_owned(),
        address: format!("{}@anonymous.invalid", random.guid()),
        ..telephone()
    }
}

fn telephone() -> Person {
    Person {
        name: "+49 89 123456".to_owned(),
        address: "+4989123456@contoso.com".to_owned(),
        email: String::new(),
        language: Language::English,
        place: Place::External,
        row: None,
        is_custom: false,
    }
}

fn position(number: u64, length: usize) -> usize {
    usize::try_from(number % length.max(1) as u64).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(0)
}
