//! Several requests in one ("Combine multiple HTTP requests using JSON batching").

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::{
    Kind,
    call::{Call, Reply},
    json::{invalid, text},
    perform::{Broken, perform},
    server::Shared,
};

/// The most requests in a batch.
const MOST: usize = 20;

/// Each request counts, is limited and may fail by itself. One that depends on another that failed is
/// not carried out: 424.
pub(super) async fn answer(shared: &Arc<Shared>, call: &Call) -> Result<Reply, Broken> {
    let requests = match requests(call) {
        Ok(requests) => requests,
        Err(refusal) => return Ok(refusal),
    };
    let mut failed = HashSet::new();
    let mut responses = Vec::new();
    for request in requests {
        let id = text(&request, "id");
        let depends_on = request.get("dependsOn").and_then(Value::as_array);
        let mut depends_on = depends_on.into_iter().flatten();
        let reply = if depends_on.any(|one| one.as_str().is_some_and(|one| failed.contains(one))) {
            Reply::error(
                424,
                "FailedDependency",
                "A request this one depends on failed.",
            )
        } else {
            let call = call_of(&request);
            let kind = Kind::of(&call);
            perform(shared, kind, call).await?
        };
        if !reply.is_success() {
            failed.insert(id.clone());
        }
        responses.push(response(&id, &reply));
    }
    Ok(Reply::json(200, &json!({ "responses": responses })))
}

fn requests(call: &Call) -> Result<Vec<Value>, Reply> {
    let body = call.json()?;
    let requests = body.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| invalid("BadRequest"))?;
    if requests.len() > MOST {
        let message = "The batch request contains more than 20 requests.";
        return Err(Reply::error(400, "MaximumValueExceeded", message));
    }
    Ok(requests.clone())
}

fn call_of(request: &Value) -> Call {
    let method = text(request, "method").parse().unwrap_or(Method::GET);
    let mut headers = HeaderMap::new();
    let given = request.get("headers").and_then(Value::as_object);
    for (name, value) in given.into_iter().flatten() {
        let name = name.parse::<HeaderName>();
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    let body = request.get("body").map(Value::to_string);
    Call::new(
        method,
        &text(request, "url"),
        headers,
        Bytes::from(body.unwrap_or_default()),
    )
}

fn response(id: &str, reply: &Reply) -> Value {
    let headers = reply.headers.iter();
    let headers: Map<String, Value> = headers
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    let mut response = json!({ "id": id, "status": reply.status, "headers": headers });
    if let Ok(body) = serde_json::from_slice::<Value>(&reply.body) {
        response["body"] = body;
    }
    response
}
