//! What differs between two connector files, for the audit trail: key by key, secrets masked.

use std::collections::BTreeMap;

use chatkeep_model::connector::Connector;
use serde_json::{Map, Value, json};

/// Stands for what a secret may be in.
const MASK: &str = "***";

/// A connector file as it is stored: every value, by its key.
pub(crate) fn whole(connector: &Connector) -> Value {
    let all = flat(connector).into_iter();
    Value::Object(all.collect())
}

/// The values that differ: before and after, absent where there is none.
pub(crate) fn between(before: &Connector, after: &Connector) -> Value {
    json!({ "changed": by_key(Some(before), Some(after)) })
}

/// The values that differ, by their keys; all of them where there is no connector before or after.
pub(crate) fn by_key(before: Option<&Connector>, after: Option<&Connector>) -> Value {
    let flat = |connector: Option<&Connector>| connector.map(flat).unwrap_or_default();
    let (before, after) = (flat(before), flat(after));
    let mut changed = Map::new();
    let keys = before.keys().chain(after.keys());
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        if old == new {
            continue;
        }
        changed.insert(key.clone(), pair(old, new));
    }
    Value::Object(changed)
}

/// What was and what is, as far as there is something.
pub(crate) fn pair(before: Option<&Value>, after: Option<&Value>) -> Value {
    let values = [("before", before), ("after", after)].into_iter();
    let values = values.filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
    Value::Object(values.collect())
}

/// Values by their dotted keys, entries of lists counted from 1.
fn flat(connector: &Connector) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    // A model that parses can be written.
    let model = serde_json::to_value(connector).unwrap_or_default();
    flatten(String::new(), model, &mut flat);
    flat
}

fn flatten(key: String, value: Value, flat: &mut BTreeMap<String, Value>) {
    let below = |name: &str| {
        if key.is_empty() {
            name.to_owned()
        } else {
            format!("{key}.{name}")
        }
    };
    match value {
        Value::Object(values) => {
            for (name, value) in values {
                flatten(below(&name), value, flat);
            }
        }
        Value::Array(values) => {
            for (number, value) in (1..).zip(values) {
                let number: i64 = number;
                flatten(below(&number.to_string()), value, flat);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            flat.insert(key, Value::String(masked(&text)));
        }
        value => {
            flat.insert(key, value);
        }
    }
}

/// Connector files name secrets by reference only; a password in an address would be the one exception.
fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn connector(tail: &str) -> Connector {
        let file = format!(
            "name = \"Contoso\"\ndomain = \"contoso.com\"\n\
             directory = {{ type = \"csv\", path = \"/directory.csv\" }}\n\
             target = {{ type = \"maildir\", path = \"/mailboxes\" }}\n{tail}"
        );
        Connector::parse(&file, Path::new("/")).unwrap()
    }

    const SOURCE: &str = "[[sources]]\ntype = \"archiving-export\"\npath = \"/exports\"\n";

    #[test]
    fn only_what_differs_is_told_with_what_it_was() {
        let before = connector(SOURCE);
        let after = connector(
            &format!("{SOURCE}[schedule]\nat = \"05:00\"\n").replace("/exports", "/others"),
        );

        let told = between(&before, &after);

        let changed = told["changed"].as_object().unwrap();
        assert_eq!(
            changed["sources.1.path"],
            json!({"before": "/exports", "after": "/others"})
        );
        assert_eq!(changed["schedule.at"]["after"], "05:00");
        assert_eq!(changed.len(), 2);
    }

    #[test]
    fn a_rule_that_is_gone_is_told() {
        let with_rule = connector(&format!(
            "{SOURCE}[[exclude]]\nname = \"bots\"\naddress = \"bot@*\"\n"
        ));

        let changes = between(&with_rule, &connector(SOURCE));

        let rule = &changes["changed"]["exclude.1.address"];
        assert_eq!(*rule, json!({"before": "bot@*"}));
    }

    #[test]
    fn a_password_in_an_address_is_masked() {
        assert_eq!(
            masked("imaps://ann:s3cret@mail:993/x"),
            "imaps://***@mail:993/x"
        );
        assert_eq!(
            masked("https://graph.example/a@b"),
            "https://graph.example/a@b"
        );
        assert_eq!(masked("env:PASSWORD"), "env:PASSWORD");
    }
}
