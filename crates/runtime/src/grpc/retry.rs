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

/// How often a call is tried. With the pauses in between that is about three seconds; who is away for
/// longer is waited for by the caller, who knows what else it holds.
const ATTEMPTS: u32 = 6;
/// Pause before the second attempt, doubled before each one after it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const TIMEOUT: &str = "grpc-timeout";

/// Repeats calls of a service that is unavailable, until their deadline.
#[derive(Clone)]
pub(super) struct Repeating {
    channel: Channel,
    timeout: Duration,
}

impl Repeating {
    pub(super) fn new(channel: Channel, timeout: Duration) -> Self {
        Self { channel, timeout }
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
        Box::pin(async move {
            let body = body.collect().await?.to_bytes();
            let call = Call {
                channel,
                parts,
                body,
                deadline,
            };
            let answer = timeout_at(deadline, call.repeat()).await;
            answer.unwrap_or_else(|_| Err(too_late()))
        })
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
            if !is_unavailable(&answer) {
                return answer;
            }
            tracing::debug!(
                rpc.method = self.parts.uri.path(),
                "unavailable, will retry"
            );
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
        request.headers_mut().insert(TIMEOUT, header(left));
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

fn is_unavailable(answer: &Result<Response<Body>, Status>) -> bool {
    match answer {
        Ok(response) => Status::from_header_map(response.headers())
            .is_some_and(|status| status.code() == Code::Unavailable),
        Err(status) => status.code() == Code::Unavailable,
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
