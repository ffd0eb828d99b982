use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use tonic::{Code, Status, body::Body, codegen::Service};
use tower::Layer;
use tracing::Instrument as _;

use super::measure::Calls;
use crate::trace::{self, TRACEPARENT};

/// Measures and traces the calls of a server, and answers those whose handler panics: the other calls
/// of the connection go on.
#[derive(Clone, Debug)]
pub(super) struct Observe(pub(super) Calls);

#[derive(Clone, Debug)]
pub(super) struct Observed<S> {
    service: S,
    calls: Calls,
}

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, service: S) -> Observed<S> {
        let calls = self.0.clone();
        Observed { service, calls }
    }
}

impl<S> Service<Request<Body>> for Observed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let measured = self.calls.begin(request.uri().path());
        let Some(measured) = measured else {
            return Box::pin(self.service.call(request));
        };
        let span = measured.span();
        let parent = request.headers().get(TRACEPARENT);
        if let Some(parent) = parent.and_then(|parent| parent.to_str().ok()) {
            trace::continue_from(&span, parent);
        }
        let answer = AssertUnwindSafe(self.service.call(request)).catch_unwind();
        let answer = async move {
            let answer = answer.await.unwrap_or_else(|_| {
                tracing::error!("call panicked");
                Ok(Status::internal("call panicked").into_http())
            });
            let Ok(response) = answer;
            measured.end(code(&response));
            Ok(response)
        };
        Box::pin(answer.instrument(span))
    }
}

/// How a call ended. A stream that has begun counts as a success.
pub(super) fn code(response: &Response<Body>) -> Code {
    let status = Status::from_header_map(response.headers());
    status.map_or(Code::Ok, |status| status.code())
}
