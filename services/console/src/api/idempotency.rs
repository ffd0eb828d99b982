//! Repeats of what starts something ("The Idempotency-Key HTTP Header Field", draft 7 of the IETF's HTTPAPI
//! group): a script that lost an answer asks again, and nothing is started twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

use super::Problem;
use crate::sign_in::Principal;

/// The header.
pub(super) const KEY: &str = "Idempotency-Key";
/// The longest key.
pub(super) const LONGEST: usize = 255;
/// The largest body of request or answer that is kept, bytes.
const LARGEST: usize = 4 << 20;
/// How long an answer is kept, and how many at the most: the oldest goes first.
const LAST: Duration = Duration::from_hours(24);
const MOST: usize = 10_000;

/// The answers that were given, by who asked, where, and by which key. They end with the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<HashMap<[u8; 32], Slot>>>);

#[derive(Clone, Debug)]
struct Slot {
    since: Instant,
    /// Of the first request's body.
    body: [u8; 32],
    /// Empty as long as the first request is being answered; a repeat waits.
    answer: Arc<tokio::sync::Mutex<Option<Kept>>>,
}

#[derive(Clone, Debug)]
struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answers {
    fn slot(&self, id: [u8; 32], body: [u8; 32]) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| slot.since.elapsed() < LAST);
        if slots.len() >= MOST
            && let Some(oldest) = slots.iter().min_by_key(|(_, slot)| slot.since)
        {
            let oldest = *oldest.0;
            slots.remove(&oldest);
        }
        let slot = slots.entry(id).or_insert_with(|| Slot {
            since: Instant::now(),
            body,
            answer: Arc::default(),
        });
        slot.clone()
    }
}

/// Answers a request, or repeats the answer to the same one before.
pub(super) async fn answer(answers: Answers, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY) else {
        return next.run(request).await;
    };
    if key.is_empty() || key.len() > LONGEST {
        let problem = Problem::unprocessable("Idempotency-Key: give 1 to 255 characters.");
        return problem.into_response();
    }
    let subject = request.extensions().get::<Principal>();
    let subject = subject.map_or("", |principal| principal.subject.as_str());
    let id = Sha256::new()
        .chain_update(subject)
        .chain_update([0])
        .chain_update(request.uri().path())
        .chain_update([0])
        .chain_update(key);
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let digest = Sha256::digest(&body).into();
    let slot = answers.slot(id.finalize().into(), digest);
    if slot.body != digest {
        let problem = "Idempotency-Key: it was used for another request; take a new one.";
        return Problem::unprocessable(problem).into_response();
    }
    let mut kept = slot.answer.lock().await;
    if let Some(kept) = kept.as_ref() {
        return (kept.status, kept.headers.clone(), kept.body.clone()).into_response();
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // What failed is tried again by a repeat.
    if !response.status().is_success() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    *kept = Some(Kept {
        status: parts.status,
        headers: parts.headers.clone(),
        body: body.clone(),
    });
    Response::from_parts(parts, Body::from(body))
}
