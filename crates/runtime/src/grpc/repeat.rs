use std::{
    error::Error,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Full};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Status, body::Body, codegen::Service, transport::Channel};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{
    measure::{Calls, Measured},
    observe::code,
};
use crate::trace::{self, TRACEPARENT};

/// How often a call is tried. With the pauses in between that is about three seconds; who is away for
/// longer is waited for by the caller, who knows what else it holds.
const ATTEMPTS: u32 = 6;
/// Pause before the second attempt, doubled before each one after it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const TIMEOUT: &str = "grpc-timeout";

/// Repeats calls of a service that is unavailable, until their deadline. Measures and traces them.
#[derive(Clone)]
pub(super) struct Repeating {
    channel: Channel,
    timeout: Duration,
    calls: Calls,
}

impl Repeating {
    pub(super) fn new(channel: Channel, timeout: Duration, calls: Calls) -> Self {
        Self {
            channel,
            timeout,
            calls,
        }
    }
}

impl Service<Request<Body>> for Repeating {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let timeout = asked_for(&parts).unwrap_or(self.timeout);
        let deadline = Instant::now() + timeout;
        let channel = self.channel.clone();
        let measured = self.calls.begin(parts.uri.path());
        let span = measured.as_ref().map(Measured::span);
        let answer = async move {
            let body = body.collect().await?.to_bytes();
            let call = Call {
                channel,
                parts,
                body,
                deadline,
            };
            let answer = timeout_at(deadline, call.repeat()).await;
            let answer = answer.unwrap_or_else(|_| Err(too_late()));
            if let Some(measured) = measured {
                measured.end(outcome(&answer));
            }
            answer
        };
        match span {
            Some(span) => Box::pin(answer.instrument(span)),
            None => Box::pin(answer),
        }
    }
}

struct Call {
    channel: Channel,
    parts: Parts,
    body: Bytes,
    deadline: Instant,
}

impl Call {
    async fn repeat(self) -> Result<Response<Body>, Status> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            let answer = self.attempt().await;
            if outcome(&answer) != Code::Unavailable {
                return answer;
            }
            tracing::debug!("unavailable, will retry");
            // Spread out: those who lost the same server do not come back at the same moment.
            sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause *= 2;
        }
        self.attempt().await
    }

    async fn attempt(&self) -> Result<Response<Body>, Status> {
        let body = Body::new(Full::new(self.body.clone()));
        let mut request = Request::from_parts(self.parts.clone(), body);
        let left = self.deadline.saturating_duration_since(Instant::now());
        let headers = request.headers_mut();
        headers.insert(TIMEOUT, header(left));
        let parent = trace::current().and_then(|parent| HeaderValue::try_from(parent).ok());
        if let Some(parent) = parent {
            headers.insert(TRACEPARENT, parent);
        }
        match self.channel.clone().oneshot(request).await {
            Ok(response) => Ok(response.map(|body| Body::new(body.map_err(lost)))),
            Err(_) if Instant::now() >= self.deadline => Err(too_late()),
            Err(error) => Err(lost(error)),
        }
    }
}

/// Whatever breaks a connection: nobody knows how far the call came, and it may be repeated.
fn lost(error: impl Error + Send + Sync + 'static) -> Status {
    let mut status = Status::unavailable("no connection");
    status.set_source(Arc::new(error));
    status
}

fn too_late() -> Status {
    Status::deadline_exceeded("no answer in time")
}

fn outcome(answer: &Result<Response<Body>, Status>) -> Code {
    match answer {
        Ok(response) => code(response),
        Err(status) => status.code(),
    }
}

/// What the caller has set with `Request::set_timeout`.
fn asked_for(parts: &Parts) -> Option<Duration> {
    let header = parts.headers.get(TIMEOUT)?.to_str().ok()?;
    let (number, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// gRPC allows eight digits: 27 hours in milliseconds.
fn header(left: Duration) -> HeaderValue {
    let millis = left.as_millis().clamp(1, 99_999_999);
    HeaderValue::try_from(format!("{millis}m")).unwrap_or(HeaderValue::from_static("30S"))
}
