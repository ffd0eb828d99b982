//! Users, listed and looked up ("List users", "Get a user").

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::{
    call::{Call, Reply},
    people::{People, User},
    state::State,
};

/// The most users on a page.
pub(super) const MOST: usize = 999;
/// What a user has when nothing is selected, of what there is here.
const DEFAULT: &str = "id,displayName,mail,userPrincipalName";

pub(super) fn get(state: &State, call: &Call) -> Result<Reply, Reply> {
    let user = &call.path[1];
    let found = state.people.find(user);
    let found = found.and_then(|id| Some((id, state.people.users.get(id)?)));
    let (id, user) = found.ok_or_else(|| {
        let message = "Resource does not exist or one of its queried reference-property objects are \
                       not present.";
        Reply::error(404, "Request_ResourceNotFound", message)
    })?;
    let mut json = selected(id, user, &selection(call));
    let context = format!("{}/$metadata#users/$entity", state.endpoint);
    json.insert("@odata.context".to_owned(), context.into());
    Ok(Reply::json(200, &Value::Object(json)))
}

pub(super) fn list(state: &State, call: &Call) -> Result<Reply, Reply> {
    let matches = condition(call.query("$filter"))?;
    let page = call.number("$top").unwrap_or(state.page);
    if page == 0 || page > MOST {
        let message = "Invalid page size specified. Must be between 1 and 999 inclusive.";
        return Err(Reply::error(400, "Request_UnsupportedQuery", message));
    }
    let after = call.query("$skiptoken").unwrap_or_default();
    let select = selection(call);
    let mut rest = behind(&state.people, after).filter(|(_, user)| matches(user));
    let users: Vec<_> = rest.by_ref().take(page).collect();
    let mut body = json!({
        "@odata.context": format!("{}/$metadata#users({})", state.endpoint, select.join(",")),
    });
    if let (Some((last, _)), true) = (users.last(), rest.next().is_some()) {
        let filter = call.query("$filter").map_or_else(String::new, |filter| {
            format!("&$filter={}", filter.replace(' ', "%20"))
        });
        let link = format!(
            "{}/users?$select={}&$top={page}{filter}&$skiptoken={last}",
            state.endpoint,
            select.join(",")
        );
        body["@odata.nextLink"] = link.into();
    }
    let users = users
        .into_iter()
        .map(|(id, user)| selected(id, user, &select));
    body["value"] = users.map(Value::Object).collect();
    Ok(Reply::json(200, &body))
}

/// The users behind this id, in the order of ids.
pub(super) fn behind<'a>(
    people: &'a People,
    after: &str,
) -> impl Iterator<Item = (&'a String, &'a User)> {
    people
        .users
        .range::<str, _>((Bound::Excluded(after), Bound::Unbounded))
}

pub(super) fn selection(call: &Call) -> Vec<String> {
    let select = call.query("$select").unwrap_or(DEFAULT);
    select
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect()
}

fn selected(id: &str, user: &User, select: &[String]) -> Map<String, Value> {
    let mut json = user.person.properties();
    json.insert("id".to_owned(), id.into());
    json.retain(|name, _| select.iter().any(|selected| selected == name));
    json
}

type Condition = Box<dyn Fn(&User) -> bool>;

/// The filters that find a user by an address; others are refused.
fn condition(filter: Option<&str>) -> Result<Condition, Reply> {
    let Some(filter) = filter else {
        return Ok(Box::new(|_| true));
    };
    let quoted = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_lowercase());
    if let Some(value) = filter.strip_prefix("mail eq ").and_then(quoted) {
        return Ok(Box::new(move |user| {
            let mail = user.person.mail.as_deref();
            mail.is_some_and(|mail| mail.to_lowercase() == value)
        }));
    }
    let value = filter.strip_prefix("proxyAddresses/any(p:p eq ");
    let value = value.and_then(|rest| rest.strip_suffix(')'));
    if let Some(value) = value.and_then(quoted) {
        return Ok(Box::new(move |user| {
            let mut proxies = user.person.proxies.iter();
            proxies.any(|proxy| proxy.to_lowercase() == value)
        }));
    }
    let message = "Unsupported or invalid query filter clause specified.";
    Err(Reply::error(400, "Request_UnsupportedQuery", message))
}
