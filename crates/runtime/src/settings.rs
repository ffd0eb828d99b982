//! Settings of a program: a TOML file, overridden by `CHATKEEP__SECTION__KEY` variables.

use std::{collections::BTreeSet, error::Error, fmt, path::Path};

use figment::{
    Figment, Source,
    error::Kind,
    providers::{Env, Format as _, Toml},
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;

use crate::outage::chain;

/// What variables of ours begin with, and what stands between section and key.
const PREFIX: &str = "CHATKEEP__";
const SEPARATOR: &str = "__";

/// The settings cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct SettingsError {
    /// Everything that is wrong with them.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with the settings. Never quotes a value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File and key, or variable.
    pub place: String,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// Reads `S`, all sections of it, from `defaults` (TOML: what this program presets otherwise than its
/// services do), overridden by an optional file, overridden by the environment. Unknown keys are refused
/// by `S`.
pub fn load<S: DeserializeOwned>(defaults: &str, file: Option<&Path>) -> Result<S, SettingsError> {
    let mut sections = Sections::read(defaults, file);
    let all = Value::from(sections.found.clone());
    sections.known.extend(sections.found.keys().cloned());
    let settings = sections.extract(all, &[]);
    sections.finish(settings)
}

/// Settings, taken section by section. What is wrong is collected, so that all of it can be told.
#[derive(Debug)]
pub struct Sections {
    figment: Figment,
    found: Dict,
    known: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Sections {
    /// Reads `defaults`, overridden by an optional file, overridden by the environment.
    pub fn read(defaults: &str, file: Option<&Path>) -> Self {
        let mut figment = Figment::from(Toml::string(defaults));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(Env::prefixed(PREFIX).split(SEPARATOR));
        let mut problems = Vec::new();
        let found = figment.extract().unwrap_or_else(|errors| {
            problems = errors.into_iter().map(unreadable).collect();
            Dict::new()
        });
        Self {
            figment,
            found,
            known: BTreeSet::new(),
            problems,
        }
    }

    /// Whether there is a section of this name, for what is there only where it is set.
    pub fn has(&self, name: &str) -> bool {
        self.found.contains_key(name)
    }

    /// Takes the section of this name; one that is absent has the defaults of `S`. `None` when it cannot
    /// be used.
    pub fn section<S: DeserializeOwned>(&mut self, name: &str) -> Option<S> {
        self.known.insert(name.to_owned());
        let found = self.found.get(name).cloned();
        let section = found.unwrap_or_else(|| Value::from(Dict::new()));
        self.extract(section, &[name.to_owned()])
    }

    /// Adds what only a closer look shows, e.g. a file that is not there.
    pub fn problem(&mut self, key: &str, error: &dyn Error) {
        let path: Vec<_> = key.split('.').map(str::to_owned).collect();
        let problem = Problem {
            place: self.place(&path),
            text: chain(error),
        };
        self.problems.push(problem);
    }

    /// The settings, unless something is wrong with them or with a section that nobody took.
    pub fn finish<S>(mut self, settings: Option<S>) -> Result<S, SettingsError> {
        let unknown: Vec<_> = self
            .found
            .keys()
            .filter(|name| !self.known.contains(*name))
            .cloned()
            .collect();
        let known: Vec<_> = self.known.iter().map(String::as_str).collect();
        let text = format!("unknown section; known are {}", known.join(", "));
        // Whoever cannot read the file does not know what is in it.
        for name in unknown {
            let place = self.place(&[name]);
            let text = text.clone();
            self.problems.push(Problem { place, text });
        }
        let problems = self.problems;
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(SettingsError { problems }),
        }
    }

    /// Reads a value, without the keys that are wrong until there are none left: each is a problem.
    fn extract<S: DeserializeOwned>(&mut self, mut value: Value, above: &[String]) -> Option<S> {
        let before = self.problems.len();
        loop {
            let errors = match value.deserialize() {
                Ok(settings) if self.problems.len() == before => return Some(settings),
                Ok(_) => return None,
                Err(errors) => errors,
            };
            let mut is_better = false;
            for error in errors {
                let key = key_of(&error);
                let place = self.place(&[above, &key].concat());
                // What was wrong and is gone now is not missing.
                if !self
                    .problems
                    .iter()
                    .any(|problem| problem.place.ends_with(&place))
                {
                    let text = text(&error.kind);
                    self.problems.push(Problem { place, text });
                }
                is_better |= remove(&mut value, &key);
            }
            if !is_better {
                return None;
            }
        }
    }

    /// Where a key stands, or the key alone when it stands nowhere.
    fn place(&self, path: &[String]) -> String {
        let key = path.join(".");
        let Ok(value) = self.figment.find_value(&key) else {
            return key;
        };
        let Some(metadata) = self.figment.get_metadata(value.tag()) else {
            return key;
        };
        match &metadata.source {
            Some(Source::File(file)) => format!("{}: {key}", file.display()),
            _ if metadata.name.contains("environment") => {
                let variable = path.join(SEPARATOR).to_uppercase();
                format!("{PREFIX}{variable}")
            }
            _ => key,
        }
    }
}

/// A file that is not there, or no TOML. The parser quotes the line that it cannot read; what it says
/// before that names the position.
fn unreadable(error: figment::Error) -> Problem {
    let place = match error.metadata.and_then(|metadata| metadata.source) {
        Some(Source::File(file)) => file.display().to_string(),
        _ => "settings".to_owned(),
    };
    let text = error.kind.to_string();
    let text = text.lines().next().unwrap_or_default().to_owned();
    Problem { place, text }
}

/// The key that an error is about, below the value it was found in.
fn key_of(error: &figment::Error) -> Vec<String> {
    let field = match &error.kind {
        Kind::UnknownField(field, _) => field.as_str(),
        Kind::MissingField(field) => field.as_ref(),
        Kind::DuplicateField(field) => field,
        _ => return error.path.clone(),
    };
    let mut key = error.path.clone();
    if key.last().is_none_or(|last| last != field) {
        key.push(field.to_owned());
    }
    key
}

/// Removes a key. False when there is none.
fn remove(value: &mut Value, key: &[String]) -> bool {
    let (Value::Dict(_, dict), Some((first, rest))) = (value, key.split_first()) else {
        return false;
    };
    if rest.is_empty() {
        return dict.remove(first).is_some();
    }
    dict.get_mut(first).is_some_and(|below| remove(below, rest))
}

fn text(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(_, known) => format!("unknown key; known are {}", known.join(", ")),
        Kind::MissingField(_) => "missing".to_owned(),
        Kind::DuplicateField(_) => "given twice".to_owned(),
        Kind::UnknownVariant(_, known) => format!("must be one of {}", known.join(", ")),
        Kind::InvalidType(_, expected)
        | Kind::InvalidValue(_, expected)
        | Kind::InvalidLength(_, expected) => format!("must be {expected}"),
        Kind::Message(text) => text.clone(),
        _ => "cannot be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Grpc {
        port: u16,
        host: String,
        limits: Limits,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Limits {
        calls: u32,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Queue {
        url: String,
    }

    struct Read {
        places: Vec<String>,
        text: String,
    }

    fn read(file: &str) -> Result<(Grpc, Queue), Read> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.toml");
        fs::write(&path, file).unwrap();
        let mut sections = Sections::read("", Some(&path));
        let grpc = sections.section("grpc");
        let queue = sections.section("queue");
        let settings = sections.finish(grpc.zip(queue));
        settings.map_err(|error| Read {
            places: error
                .problems
                .iter()
                .map(|problem| problem.place.rsplit(": ").next().unwrap().to_owned())
                .collect(),
            text: error.to_string(),
        })
    }

    #[test]
    fn sections_have_their_defaults() {
        let (grpc, queue) = read("[queue]\nurl = 'a'\n[grpc]\nport = 7")
            .map_err(|e| e.text)
            .unwrap();

        assert_eq!(
            (grpc.port, grpc.host.as_str(), queue.url.as_str()),
            (7, "", "a")
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let file =
            "[grpc]\nport = 'x'\nhots = 'a'\n[grpc.limits]\ncalls = -1\nfoo = 2\n[quue]\nurl = 'a'";

        let mut wrong = read(file).unwrap_err().places;

        wrong.sort();
        let expected = [
            "grpc.hots",
            "grpc.limits.calls",
            "grpc.limits.foo",
            "grpc.port",
            "queue.url",
            "quue",
        ];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn a_problem_names_the_file_and_quotes_no_value() {
        let wrong = read("[queue]\nurl = 'a'\n[grpc]\nport = 'hunter2'").unwrap_err();
        let broken = read("[queue]\nurl = hunter2").unwrap_err();

        assert!(
            wrong.text.contains("program.toml: grpc.port: must be"),
            "{}",
            wrong.text
        );
        assert!(
            broken
                .text
                .contains("program.toml: TOML parse error at line 2"),
            "{}",
            broken.text
        );
        assert!(!wrong.text.contains("hunter2") && !broken.text.contains("hunter2"));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_problem() {
        let mut sections = Sections::read("", Some(Path::new("/nowhere/program.toml")));
        let grpc = sections.section::<Grpc>("grpc");

        let error = sections.finish(grpc).unwrap_err();

        assert!(
            error.to_string().contains("/nowhere/program.toml"),
            "{error}"
        );
    }

    #[test]
    fn presets_are_overridden_by_the_file() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct All {
            grpc: Grpc,
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.toml");
        fs::write(&path, "[grpc]\nport = 2").unwrap();

        let all: All = load("[grpc]\nport = 1\nhost = 'a'", Some(&path)).unwrap();
        let unknown = load::<All>("[grpc]\n[other]", None).unwrap_err();

        assert_eq!((all.grpc.port, all.grpc.host.as_str()), (2, "a"));
        assert_eq!(unknown.problems[0].place, "other");
    }
}
