//! What people say, from the text files in `dialogues/`.

use crate::random::Random;

/// The language somebody prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
    Polish,
    Arabic,
    Hebrew,
    Japanese,
    Russian,
}

impl Language {
    /// True where text runs from right to left.
    pub(crate) fn is_right_to_left(self) -> bool {
        matches!(self, Self::Arabic | Self::Hebrew)
    }

    fn text(self) -> &'static str {
        match self {
            Self::English => include_str!("../dialogues/english.txt"),
            Self::German => include_str!("../dialogues/german.txt"),
            Self::French => include_str!("../dialogues/french.txt"),
            Self::Spanish => include_str!("../dialogues/spanish.txt"),
            Self::Polish => include_str!("../dialogues/polish.txt"),
            Self::Arabic => include_str!("../dialogues/arabic.txt"),
            Self::Hebrew => include_str!("../dialogues/hebrew.txt"),
            Self::Japanese => include_str!("../dialogues/japanese.txt"),
            Self::Russian => include_str!("../dialogues/russian.txt"),
        }
    }
}

/// One line of a dialogue: who speaks, from 0, and what.
pub(crate) struct Line {
    pub(crate) speaker: usize,
    pub(crate) text: String,
}

/// A dialogue as it stands in the file: speakers from 0 and texts with gaps.
type Script = Vec<(usize, &'static str)>;

/// All dialogues.
pub(crate) struct Dialogues {
    two: Vec<(Language, Vec<Script>)>,
    partner: Vec<Script>,
    bot: Vec<Script>,
    conference: Vec<Script>,
    room: Vec<Script>,
}

impl Dialogues {
    pub(crate) fn load() -> Self {
        let languages = [
            Language::English,
            Language::German,
            Language::French,
            Language::Spanish,
            Language::Polish,
            Language::Arabic,
            Language::Hebrew,
            Language::Japanese,
            Language::Russian,
        ];
        let two = languages.map(|language| (language, parse(language.text())));
        Self {
            two: two.into(),
            partner: parse(include_str!("../dialogues/partner.txt")),
            bot: parse(include_str!("../dialogues/bot.txt")),
            conference: parse(include_str!("../dialogues/conference.txt")),
            room: parse(include_str!("../dialogues/rooms.txt")),
        }
    }

    /// A dialogue of two in this language.
    pub(crate) fn of_two(&self, language: Language, turn: u64, random: &mut Random) -> Vec<Line> {
        let of_language = self.two.iter().find(|(other, _)| *other == language);
        of_language.map_or_else(Vec::new, |(_, scripts)| fill(scripts, turn, random))
    }

    /// A dialogue with somebody of another organisation.
    pub(crate) fn with_partner(&self, turn: u64, random: &mut Random) -> Vec<Line> {
        fill(&self.partner, turn, random)
    }

    /// A dialogue with an application.
    pub(crate) fn with_bot(&self, turn: u64, random: &mut Random) -> Vec<Line> {
        fill(&self.bot, turn, random)
    }

    /// A dialogue of several in a meeting.
    pub(crate) fn of_conference(&self, turn: u64, random: &mut Random) -> Vec<Line> {
        fill(&self.conference, turn, random)
    }

    /// A dialogue in a room.
    pub(crate) fn of_room(&self, turn: u64, random: &mut Random) -> Vec<Line> {
        fill(&self.room, turn, random)
    }
}

fn parse(text: &'static str) -> Vec<Script> {
    let line = |line: &'static str| {
        let (speaker, text) = line.split_once(": ")?;
        let letter = speaker.bytes().next()?;
        Some((usize::from(letter.checked_sub(b'A')?), text))
    };
    let scripts = text
        .split("\n\n")
        .map(|script| script.lines().filter_map(line).collect());
    scripts
        .filter(|script: &Script| !script.is_empty())
        .collect()
}

/// Fills the gaps of the script whose turn it is: taking turns, a small sample repeats little.
fn fill(scripts: &[Script], turn: u64, random: &mut Random) -> Vec<Line> {
    const PROJECTS: [&str; 8] = [
        "Aurora",
        "Bluebird",
        "Compass",
        "Delta",
        "Evergreen",
        "Falcon",
        "Granite",
        "Harbour",
    ];
    const DAYS: [&str; 5] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];
    const TAGE: [&str; 5] = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"];
    const JOURS: [&str; 5] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi"];

    let position = usize::try_from(turn % scripts.len().max(1) as u64).unwrap_or(0);
    let Some(script) = scripts.get(position) else {
        return Vec::new();
    };
    let project = *random.pick(&PROJECTS);
    let day = random.index(DAYS.len());
    let number = (2 + random.below(27)).to_string();
    let is_german = script
        .iter()
        .any(|(_, text)| text.contains(['ß', 'ü', 'ä']));
    let is_french = script
        .iter()
        .any(|(_, text)| text.contains(['ç', 'é', 'à', 'ê']));
    let day = match (is_german, is_french) {
        (true, _) => TAGE[day],
        (_, true) => JOURS[day],
        _ => DAYS[day],
    };
    let text = |text: &str| {
        let text = text.replace("{project}", project).replace("{day}", day);
        text.replace("{n}", &number)
    };
    let lines = script.iter();
    lines
        .map(|(speaker, line)| Line {
            speaker: *speaker,
            text: text(line),
        })
        .collect()
}
