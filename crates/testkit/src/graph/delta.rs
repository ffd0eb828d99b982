//! Changes of users ("Get incremental changes for users", "user: delta").

use serde_json::{Map, Value, json};

use super::{
    Quirk,
    call::{Call, Reply},
    people::User,
    state::State,
    users::{MOST, behind, selection},
};

/// A place in a round of changes: all that a link carries.
struct Place {
    /// What changed later than this version is told.
    since: u64,
    /// The version that the next round begins at.
    until: u64,
    page: usize,
    select: Vec<String>,
    /// The id that the page before ended with.
    after: String,
}

impl Place {
    fn of(state: &State, call: &Call) -> Result<Self, Reply> {
        let token = call.query("$deltatoken").or(call.query("$skiptoken"));
        let is_known =
            |token: &&str| Self::parse(token).is_some() || !state.has(Quirk::TakesAnyDeltaToken);
        let Some(token) = token.filter(is_known) else {
            return Ok(Self {
                since: 0,
                until: state.people.version,
                page: call.number("$top").unwrap_or(state.page).min(MOST),
                select: selection(call),
                after: String::new(),
            });
        };
        let is_new_round = call.query("$deltatoken").is_some();
        let mut place = Self::parse(token).ok_or_else(|| {
            let message = "Badly formed token.";
            Reply::error(400, "Directory_InvalidDeltaLink", message)
        })?;
        if place.until < state.people.oldest {
            return Err(expired(state));
        }
        if is_new_round {
            place.since = place.until;
            place.until = state.people.version;
        }
        Ok(place)
    }

    fn parse(token: &str) -> Option<Self> {
        let mut fields = token.split('_');
        Some(Self {
            since: fields.next()?.parse().ok()?,
            until: fields.next()?.parse().ok()?,
            page: fields.next()?.parse().ok()?,
            select: fields.next()?.split('.').map(str::to_owned).collect(),
            after: fields.next()?.to_owned(),
        })
    }

    fn link(&self, state: &State, kind: &str, after: &str) -> String {
        let select = self.select.join(".");
        let (since, until, page) = (self.since, self.until, self.page);
        let token = format!("{since}_{until}_{page}_{select}_{after}");
        format!("{}/users/delta?${kind}={token}", state.endpoint)
    }
}

/// What is answered to a token that is too old: those of the directory live for seven days ("Use delta
/// query to track changes in Microsoft Graph data", token duration).
fn expired(state: &State) -> Reply {
    let location = format!("{}/users/delta?$deltatoken=", state.endpoint);
    let message =
        "The sync state generation is not found. Retry the request without a delta token.";
    Reply::error(410, "syncStateNotFound", message).with("location", &location)
}

pub(super) fn list(state: &State, call: &Call) -> Result<Reply, Reply> {
    let place = Place::of(state, call)?;
    let is_first = place.since == 0;
    let changed = behind(&state.people, &place.after);
    let mut changed = changed.filter(|(_, user)| user.since > place.since);
    let users: Vec<_> = changed.by_ref().take(place.page).collect();
    let is_last = changed.next().is_none();
    let last = users.last().map(|(id, _)| id.as_str());
    let link = match last {
        Some(last) if !is_last => ("@odata.nextLink", place.link(state, "skiptoken", last)),
        _ => ("@odata.deltaLink", place.link(state, "deltatoken", "")),
    };
    let mut value: Vec<_> = users
        .iter()
        .map(|(id, user)| Value::Object(change(state, id, user, &place)))
        .collect();
    // Whoever is told about on a page and leaves before the next one is told about twice.
    if is_last && !is_first {
        let gone = state.people.gone.iter();
        let gone = gone.filter(|(_, version, _)| *version > place.since);
        value.extend(gone.map(|(id, _, for_good)| {
            let reason = if *for_good { "deleted" } else { "changed" };
            json!({ "id": id, "@removed": { "reason": reason } })
        }));
    }
    let context = format!(
        "{}/$metadata#users({})",
        state.endpoint,
        place.select.join(",")
    );
    let mut body = json!({ "@odata.context": context, "value": value });
    body[link.0] = link.1.into();
    Ok(Reply::json(200, &body))
}

/// A user as a round tells it. "If the property has never been set before, it isn't included."
fn change(state: &State, id: &str, user: &User, place: &Place) -> Map<String, Value> {
    let mut json = user.person.properties();
    json.retain(|name, value| {
        let changed = user.changed.get(name).copied().unwrap_or_default();
        let is_new = place.since > 0 && changed > place.since;
        let is_told = !value.is_null() && (place.since == 0 || !state.changes_are_minimal);
        place.select.contains(name) && (is_new || is_told)
    });
    json.insert("id".to_owned(), id.into());
    json
}
