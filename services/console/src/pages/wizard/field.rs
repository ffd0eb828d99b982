//! One thing that is asked, and how its answer becomes part of a connector file.

use toml::{Table, Value};

/// A key of the connector file that a form asks for.
#[derive(Debug)]
pub(super) struct Field {
    /// Below its table, dotted: `auth.user`.
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) help: &'static str,
    /// What it is when nothing is entered.
    pub(super) default: &'static str,
    pub(super) kind: Kind,
    pub(super) rank: Rank,
}

/// How much a field matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Required,
    Optional,
    /// Stands in a part that is closed at first.
    Advanced,
}

/// What an answer may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// A file or folder as the services see it.
    Path,
    Number,
    /// Yes or no.
    Flag,
    /// A table that is there, if only empty, or is not. Read behind what is asked of it, which would leave no
    /// empty table.
    Part,
    /// `90s`, `24h`, `7 days`.
    Time,
    /// A day in UTC.
    Day,
    /// Where a secret is found, never the secret.
    Secret,
    /// Several, separated by spaces, commas or line breaks.
    List,
    /// Rules: `name: pattern` on a line each.
    Rules,
    /// One of these: value and words.
    Choice(&'static [(&'static str, &'static str)]),
}

impl Field {
    /// Makes an answer part of a table. Returns what is wrong with it; it is kept even so.
    pub(super) fn put(&self, table: &mut Table, answer: &str) -> Option<String> {
        let answer = answer.trim();
        let value = match self.kind {
            Kind::Flag => self.flag(answer == "true"),
            Kind::Part if answer == "true" => {
                let table = get(table, self.key).cloned();
                Some(table.unwrap_or_else(|| Value::Table(Table::new())))
            }
            Kind::Part => None,
            Kind::Number => answer
                .parse()
                .map_or_else(|_| text(answer), |n| Some(Value::Integer(n))),
            Kind::List => list(answer),
            Kind::Rules => rules(answer),
            _ => text(answer),
        };
        put(table, self.key, value);
        self.problem(answer)
    }

    /// What is not said is left out of the file.
    fn flag(&self, is_set: bool) -> Option<Value> {
        let is_default = is_set == (self.default == "true");
        (!is_default).then_some(Value::Boolean(is_set))
    }

    fn problem(&self, answer: &str) -> Option<String> {
        if answer.is_empty() {
            let is_missing = self.rank == Rank::Required;
            return is_missing.then(|| "This is needed.".to_owned());
        }
        let problem = match self.kind {
            Kind::Path if !answer.starts_with('/') => {
                "Write the whole path, from / on, as the services see it."
            }
            Kind::Number if answer.parse::<u32>().is_err() => "Write a number.",
            Kind::Time
                if answer != "forever"
                    && humantime_serde::re::humantime::parse_duration(answer).is_err() =>
            {
                "Write a time with its unit: 60s, 24h, 7days."
            }
            Kind::Day if answer.parse::<jiff::civil::Date>().is_err() => "Write a day: 2026-01-31.",
            Kind::Secret if !is_reference(answer) => {
                "Secrets are given by reference: env:NAME, file:/path or secret:NAME. What stands here is shown to \
                 every administrator."
            }
            Kind::Rules
                if answer
                    .lines()
                    .any(|line| !line.trim().is_empty() && !line.contains(':')) =>
            {
                "Write one rule on each line: its name, a colon, the addresses. bots: *@apps.contoso.com"
            }
            _ => return None,
        };
        Some(problem.to_owned())
    }

    /// What stands in a table, as it is entered.
    pub(super) fn get(&self, table: &Table) -> String {
        match get(table, self.key) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(values)) => shown(values),
            Some(Value::Table(_)) => "true".to_owned(),
            Some(other) => other.to_string(),
        }
    }
}

fn is_reference(answer: &str) -> bool {
    let parts = answer.split_once(':');
    parts.is_some_and(|(kind, name)| match kind {
        "env" | "secret" => !name.is_empty(),
        "file" => name.starts_with('/'),
        _ => false,
    })
}

fn text(answer: &str) -> Option<Value> {
    (!answer.is_empty()).then(|| Value::String(answer.to_owned()))
}

fn list(answer: &str) -> Option<Value> {
    let values = answer.split([',', ' ', '\n', '\r', '\t']);
    let values = values.filter(|value| !value.is_empty());
    let values: Vec<_> = values
        .map(|value| Value::String(value.to_owned()))
        .collect();
    (!values.is_empty()).then_some(Value::Array(values))
}

fn rules(answer: &str) -> Option<Value> {
    let rule = |line: &str| {
        let (name, address) = line.split_once(':').unwrap_or((line, ""));
        let mut rule = Table::new();
        rule.insert("name".to_owned(), Value::String(name.trim().to_owned()));
        rule.insert(
            "address".to_owned(),
            Value::String(address.trim().to_owned()),
        );
        Value::Table(rule)
    };
    let lines = answer.lines().filter(|line| !line.trim().is_empty());
    let rules: Vec<_> = lines.map(rule).collect();
    (!rules.is_empty()).then_some(Value::Array(rules))
}

/// A list as it is entered: on a line each.
fn shown(values: &[Value]) -> String {
    let line = |value: &Value| match value {
        Value::Table(rule) => {
            let of = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("{}: {}", of("name"), of("address"))
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What stands below a dotted key.
pub(super) fn get<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((first, rest)) => get(table.get(first)?.as_table()?, rest),
    }
}

/// Sets what stands below a dotted key, or takes it away; no table is left empty.
pub(super) fn put(table: &mut Table, key: &str, value: Option<Value>) {
    let Some((first, rest)) = key.split_once('.') else {
        match value {
            Some(value) => table.insert(key.to_owned(), value),
            None => table.remove(key),
        };
        return;
    };
    let below = table
        .entry(first)
        .or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(below) = below else { return };
    put(below, rest, value);
    if below.is_empty() {
        table.remove(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Field = Field {
        key: "inner.port",
        label: "",
        help: "",
        default: "",
        kind: Kind::Number,
        rank: Rank::Optional,
    };

    #[test]
    fn a_wrong_answer_is_kept_and_named() {
        let mut table = Table::new();

        assert!(PORT.put(&mut table, "many").is_some());

        assert_eq!(PORT.get(&table), "many");
    }

    #[test]
    fn an_empty_answer_leaves_nothing_in_the_file() {
        let mut table = Table::new();

        PORT.put(&mut table, "1433");
        assert_eq!(table.to_string().trim(), "[inner]\nport = 1433");
        assert!(PORT.put(&mut table, " ").is_none());

        assert!(table.is_empty());
    }

    #[test]
    fn a_part_is_there_without_anything_in_it_until_it_is_not_wanted() {
        let part = Field {
            kind: Kind::Part,
            key: "inner",
            ..PORT
        };
        let mut table = Table::new();

        PORT.put(&mut table, "");
        part.put(&mut table, "true");
        assert_eq!(table.to_string().trim(), "[inner]");
        PORT.put(&mut table, "1433");
        part.put(&mut table, "true");
        assert_eq!(
            (part.get(&table), PORT.get(&table)),
            ("true".to_owned(), "1433".to_owned())
        );
        part.put(&mut table, "");

        assert!(table.is_empty());
    }

    #[test]
    fn a_secret_that_is_typed_in_is_refused() {
        let password = Field {
            kind: Kind::Secret,
            key: "password",
            ..PORT
        };
        let mut table = Table::new();

        assert!(password.put(&mut table, "hunter2").is_some());
        for reference in ["env:PASSWORD", "file:/run/secrets/sql", "secret:sql"] {
            assert!(password.put(&mut table, reference).is_none(), "{reference}");
        }
    }
}
