//! Files that are too large for one request ("attachment: createUploadSession").

use bytes::Bytes;
use http::Method;
use serde_json::json;

use super::{
    Quirk, StoredAttachment,
    call::{Call, Reply},
    json::{invalid, text},
    messages::id,
    state::State,
};

/// The smallest and the largest file of a session, and the largest range of one, in bytes.
const SMALLEST_FILE: u64 = 3 << 20;
const LARGEST_FILE: u64 = 150 << 20;
const LARGEST_RANGE: usize = 4 << 20;

/// A file on its way.
#[derive(Debug)]
pub(super) struct Session {
    owner: String,
    message: String,
    name: String,
    content_type: String,
    size: u64,
    bytes: Vec<u8>,
}

pub(super) fn create(state: &mut State, owner: &str, call: &Call) -> Result<Reply, Reply> {
    let body = call.json()?;
    let item = body.get("AttachmentItem").cloned().unwrap_or_default();
    let size = item.get("size").and_then(serde_json::Value::as_u64);
    let size = size.unwrap_or_default();
    if text(&item, "attachmentType") != "file" || !(SMALLEST_FILE..=LARGEST_FILE).contains(&size) {
        return Err(invalid("ErrorAttachmentSizeLimitExceeded"));
    }
    let is_for_drafts = state.has(Quirk::UploadsToDraftsOnly);
    let message = state.mailbox(owner).message(id(call)?)?;
    if is_for_drafts && !message.is_draft {
        return Err(invalid("ErrorInvalidOperation"));
    }
    let message = message.id.clone();
    let key = format!("{message}-{}", state.number());
    let session = Session {
        owner: owner.to_owned(),
        message,
        name: text(&item, "name"),
        content_type: text(&item, "contentType"),
        size,
        bytes: Vec::new(),
    };
    state.sessions.insert(key.clone(), session);
    let origin = state.endpoint.trim_end_matches("/v1.0");
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let answer = json!({
        "uploadUrl": format!("{origin}/upload/{key}?authtoken=secret"),
        "expirationDateTime": super::json::seconds(expires.as_second()),
        "nextExpectedRanges": ["0-"],
    });
    Ok(Reply::json(201, &answer))
}

/// Takes the next range; with the last one the file becomes part of the message. The address alone lets
/// in, a token is not asked for.
pub(super) fn put(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let key = call.path.get(1).cloned().unwrap_or_default();
    let is_let_in = call.method == Method::PUT && call.query("authtoken") == Some("secret");
    let session = state.sessions.get_mut(&key).filter(|_| is_let_in);
    let session = session.ok_or_else(|| Reply::error(404, "ErrorItemNotFound", "No session."))?;
    let (first, last, total) = range(call).ok_or_else(|| invalid("InvalidContentRange"))?;
    let fits = last + 1 - first == call.body.len() as u64 && call.body.len() <= LARGEST_RANGE;
    if total != session.size || first != session.bytes.len() as u64 || !fits {
        return Err(Reply::error(
            416,
            "ErrorInvalidRange",
            "Not the next range.",
        ));
    }
    session.bytes.extend_from_slice(&call.body);
    let next = session.bytes.len() as u64;
    if next < session.size {
        let answer = json!({ "nextExpectedRanges": [format!("{next}-")] });
        return Ok(Reply::json(200, &answer));
    }
    finish(state, &key)
}

fn finish(state: &mut State, key: &str) -> Result<Reply, Reply> {
    let Some(session) = state.sessions.remove(key) else {
        return Err(super::mailbox::not_found());
    };
    let endpoint = state.endpoint.clone();
    let mailbox = state.mailbox(&session.owner);
    mailbox.charge(session.bytes.len())?;
    let message = mailbox.message(&session.message)?;
    let id = format!("{}-A{}", message.id, message.attachments.len());
    message.attachments.push(StoredAttachment {
        id: id.clone(),
        name: session.name,
        content_type: session.content_type,
        bytes: Bytes::from(session.bytes),
    });
    let location = format!(
        "{endpoint}/users('{}')/messages('{}')/attachments('{id}')",
        session.owner, session.message
    );
    Ok(Reply::empty(201).with("location", &location))
}

/// `bytes {first}-{last}/{total}` (RFC 9110, 14.4).
fn range(call: &Call) -> Option<(u64, u64, u64)> {
    let range = call.header("content-range")?.strip_prefix("bytes ")?;
    let (range, total) = range.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let range = (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (range.0 <= range.1 && range.1 < range.2).then_some(range)
}
