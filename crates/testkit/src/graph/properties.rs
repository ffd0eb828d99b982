//! MAPI properties as Graph names them ("Outlook extended properties overview").

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    call::Reply,
    json::{invalid, text},
};

/// `PR_MESSAGE_FLAGS` ([MS-OXCMSG] 2.2.1.6).
pub(super) const FLAGS: &str = "integer 0xe07";
/// `mfRead` of it.
pub(super) const READ: i64 = 0x1;
/// `mfUnsent` of it: a draft.
pub(super) const UNSENT: i64 = 0x8;
/// `PR_CLIENT_SUBMIT_TIME`.
pub(super) const SUBMITTED: &str = "systemtime 0x39";
/// `PR_MESSAGE_DELIVERY_TIME`.
pub(super) const DELIVERED: &str = "systemtime 0xe06";
/// `PR_MESSAGE_CLASS`.
pub(super) const CLASS: &str = "string 0x1a";
/// `PR_INTERNET_MESSAGE_ID`.
pub(super) const MESSAGE_ID: &str = "string 0x1035";
/// `PR_POLICY_TAG` ([MS-OXCMSG] 2.2.1.60.2).
pub(super) const TAG: &str = "binary 0x3019";

/// The one way to write a property's id: type, GUID and number in lower case, the number without zeros in
/// front. The name of a named property stays as it is, there case matters.
pub fn property_id(id: &str) -> String {
    let (kind, rest) = id.split_once(' ').unwrap_or((id, ""));
    let kind = kind.to_ascii_lowercase();
    if let Some((guid, name)) = rest.split_once(" Name ") {
        return format!("{kind} {} Name {name}", guid.to_ascii_lowercase());
    }
    let number = rest.to_ascii_lowercase();
    let digits = number
        .strip_prefix("0x")
        .map(|hex| hex.trim_start_matches('0'));
    digits.map_or_else(
        || format!("{kind} {number}"),
        |hex| format!("{kind} 0x{hex}"),
    )
}

/// Reads `singleValueExtendedProperties` of a body.
pub(super) fn read(body: &Value) -> Result<BTreeMap<String, String>, Reply> {
    let mut properties = BTreeMap::new();
    let list = body.get("singleValueExtendedProperties");
    for one in list.and_then(Value::as_array).into_iter().flatten() {
        let (id, value) = (text(one, "id"), text(one, "value"));
        let id = property_id(&id);
        let is_valid = match id.split(' ').next() {
            Some("integer") => value.parse::<i32>().is_ok(),
            Some("boolean") => ["true", "false"].contains(&&*value),
            Some("systemtime") => value.parse::<jiff::Timestamp>().is_ok(),
            Some("string" | "binary" | "clsid") => true,
            _ => false,
        };
        if !is_valid {
            return Err(invalid("ErrorInvalidExtendedProperty"));
        }
        properties.insert(id, value);
    }
    Ok(properties)
}

/// Those of a message that `$expand` asks for.
pub(super) fn expanded(properties: &BTreeMap<String, String>, expand: &str) -> Option<Value> {
    let filter = expand
        .strip_prefix("singleValueExtendedProperties($filter=")?
        .strip_suffix(')')?;
    let wanted = filter.split(" or ").filter_map(|one| {
        let id = one.trim().strip_prefix("id eq '")?.strip_suffix('\'')?;
        Some((id, properties.get(&property_id(id))?))
    });
    let found: Vec<_> = wanted
        .map(|(id, value)| json!({ "id": id, "value": value }))
        .collect();
    (!found.is_empty()).then_some(found.into())
}
