//! `$filter` of messages, as far as an import asks.

use super::{StoredMessage, call::Reply, json::invalid, properties::property_id};

/// A condition of a filter.
enum Term {
    MessageId(String),
    Property { id: String, value: String },
    ReceivedSince(i64),
    CreatedSince(i64),
}

/// Conditions joined by `and`.
pub(super) struct Filter(Vec<Term>);

impl Filter {
    /// Other properties, other operators and `or` are refused.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Reply> {
        let text = text.unwrap_or_default();
        let terms = split(text).into_iter().map(|term| {
            let term = term.trim();
            Term::parse(term).ok_or_else(|| invalid("ErrorInvalidUrlQueryFilter"))
        });
        Ok(Self(terms.collect::<Result<_, _>>()?))
    }

    pub(super) fn matches(&self, message: &StoredMessage) -> bool {
        self.0.iter().all(|term| match term {
            Term::MessageId(id) => message.message_id == *id,
            Term::Property { id, value } => message.properties.get(id) == Some(value),
            Term::ReceivedSince(since) => message.received >= *since,
            // Told to the second, compared to the second.
            Term::CreatedSince(since) => message.created.div_euclid(1000) >= *since,
        })
    }
}

impl Term {
    fn parse(term: &str) -> Option<Self> {
        if let Some(id) = term.strip_prefix("internetMessageId eq ") {
            return quoted(id).map(Self::MessageId);
        }
        if let Some(time) = term.strip_prefix("receivedDateTime ge ") {
            return seconds(time).map(Self::ReceivedSince);
        }
        if let Some(time) = term.strip_prefix("createdDateTime ge ") {
            return seconds(time).map(Self::CreatedSince);
        }
        let any = "singleValueExtendedProperties/any(ep:";
        let start = term.get(..any.len())?;
        if !start.eq_ignore_ascii_case(any) {
            return None;
        }
        let inner = term[any.len()..].strip_suffix(')')?.trim();
        let (id, value) = inner.split_once(" and ")?;
        let id = quoted(id.trim().strip_prefix("ep/id eq ")?)?;
        let value = quoted(value.trim().strip_prefix("ep/value eq ")?)?;
        Some(Self::Property {
            id: property_id(&id),
            value,
        })
    }
}

/// Splits at every `and` that is in no quotes and no parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut depth, mut is_quoted) = (0, 0, false);
    for (index, character) in text.char_indices() {
        match character {
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth -= 1,
            ' ' if !is_quoted && depth == 0 && text[index..].starts_with(" and ") => {
                terms.push(&text[start..index]);
                start = index + " and ".len();
            }
            _ => {}
        }
    }
    if start < text.len() {
        terms.push(&text[start..]);
    }
    terms
}

fn quoted(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

fn seconds(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    Some(time.as_second())
}
