//! What dashboards and alerts ask for.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Words of the query language that stand where a metric could.
const WORDS: [&str; 5] = ["and", "bool", "offset", "or", "unless"];
/// Words before a list of labels.
const GROUPS: [&str; 6] = [
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

/// A query, and where it stands.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) place: String,
    pub(crate) text: String,
}

/// What a query names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) metrics: BTreeSet<String>,
    /// Of series that are looked for, and of groups.
    pub(crate) labels: BTreeSet<String>,
    /// Labels and a value of each; what a variable stands for is left out.
    pub(crate) values: BTreeSet<(String, String)>,
}

pub(crate) fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// Files of the chart's folder with this ending, with their content, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let folder = repository().join("charts/chatkeep").join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

/// The dashboards, by file.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let parsed = |(name, text): (String, String)| (name, serde_json::from_str(&text).unwrap());
    files("dashboards", ".json")
        .into_iter()
        .map(parsed)
        .collect()
}

/// Queries under this key of the panels' targets, as they are when its variables have a value.
pub(crate) fn of_panels(key: &str) -> Vec<Query> {
    let mut queries = Vec::new();
    for (file, dashboard) in dashboards() {
        let variables: Vec<_> = variables(&dashboard).collect();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
                let Some(text) = target[key].as_str() else {
                    continue;
                };
                let place = format!("{file}: {}", panel["title"]);
                let text = filled(text, &variables);
                queries.push(Query { place, text });
            }
        }
    }
    queries
}

/// The names of a dashboard's variables.
pub(crate) fn variables(dashboard: &Value) -> impl Iterator<Item = String> {
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    variables.map(|variable| variable["name"].as_str().unwrap().to_owned())
}

/// Metrics whose labels' values dashboards offer for choice.
fn of_variables() -> Vec<Query> {
    let mut queries = Vec::new();
    for (file, dashboard) in dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        for variable in variables {
            let Some(query) = variable["query"]["query"].as_str() else {
                continue;
            };
            let asked = query.strip_prefix("label_values(").unwrap();
            let (metric, label) = asked.trim_end_matches(')').split_once(", ").unwrap();
            queries.push(Query {
                place: format!("{file}: variable {}", variable["name"]),
                text: format!("count by ({label}) ({metric})"),
            });
        }
    }
    queries
}

/// Expressions of alerts.
pub(crate) fn of_alerts() -> Vec<Query> {
    let mut queries = Vec::new();
    for (_, rules) in files("rules", ".yaml") {
        let mut place = String::new();
        for line in rules.lines() {
            if let Some(alert) = line.trim().strip_prefix("- alert: ") {
                alert.clone_into(&mut place);
            }
            if let Some(text) = line.trim().strip_prefix("expr: ") {
                queries.push(Query {
                    place: place.clone(),
                    text: text.to_owned(),
                });
            }
        }
    }
    queries
}

/// All queries of metrics there are.
pub(crate) fn promql() -> Vec<Query> {
    let mut queries = of_panels("expr");
    queries.extend(of_variables());
    queries.extend(of_alerts());
    queries
}

/// A query as Grafana would send it; a variable of the dashboard becomes `$`.
fn filled(text: &str, variables: &[String]) -> String {
    let mut text = text.replace("$__rate_interval", "5m");
    text = text.replace("$__range", "6h");
    for variable in variables {
        text = text.replace(&format!("${{{variable}}}"), "$");
        text = text.replace(&format!("${variable}"), "$");
    }
    text
}

/// What a query of metrics names. It takes well-formed ones, as promtool has checked.
pub(crate) fn named(query: &str) -> Named {
    let mut named = Named::default();
    let mut rest = query;
    while let Some(character) = rest.chars().next() {
        let word_ends = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, after) = rest.split_at(word_ends.unwrap_or(rest.len()));
        let next = after.trim_start();
        if character == '[' {
            rest = rest.split_once(']').unwrap().1;
        } else if word.is_empty() {
            rest = &rest[character.len_utf8()..];
        } else if GROUPS.contains(&word) && next.starts_with('(') {
            let (labels, after) = next[1..].split_once(')').unwrap();
            let labels = labels.split(',').map(str::trim);
            let labels = labels.filter(|label| !label.is_empty());
            named.labels.extend(labels.map(str::to_owned));
            rest = after;
        } else if character.is_ascii_digit() || WORDS.contains(&word) || is_called(next) {
            rest = after;
        } else {
            named.metrics.insert(word.to_owned());
            rest = match next.strip_prefix('{') {
                Some(matchers) => named.match_labels(matchers),
                None => after,
            };
        }
    }
    named
}

/// Whether what stands before this is a function or an aggregation.
fn is_called(next: &str) -> bool {
    let follows = ["(", "by (", "without ("];
    follows.iter().any(|follows| next.starts_with(follows))
}

impl Named {
    /// Takes matchers up to their closing brace; what follows it.
    fn match_labels<'a>(&mut self, matchers: &'a str) -> &'a str {
        let mut rest = matchers;
        while !rest.starts_with('}') {
            let (matcher, after) = rest.split_once('"').unwrap();
            let (value, after) = after.split_once('"').unwrap();
            let label = matcher.trim_start_matches([',', ' ']);
            let label = label.trim_end_matches(['=', '~', '!', ' ']);
            self.labels.insert(label.to_owned());
            let values = value.split('|').filter(|value| !value.contains('$'));
            let values = values.map(|value| (label.to_owned(), value.to_owned()));
            self.values.extend(values);
            rest = after;
        }
        &rest[1..]
    }
}
