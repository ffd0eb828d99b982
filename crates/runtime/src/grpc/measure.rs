use std::time::Instant;

use opentelemetry::{
    KeyValue,
    metrics::{Histogram, Meter},
};
use tonic::Code;
use tracing::{Span, field::Empty, info_span};

/// Bounds of call durations in seconds: from a look-up to a completion with a hundred thousand rows.
const SECONDS: [f64; 11] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Measures calls, on one of their sides.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    duration: Histogram<f64>,
    kind: &'static str,
}

/// A call under way. One that is dropped before it ends was cancelled.
pub(super) struct Measured {
    calls: Calls,
    method: String,
    begun: Instant,
    span: Span,
    code: Code,
}

impl Calls {
    pub(super) fn client(meter: &Meter) -> Self {
        Self::new(meter, "rpc.client.call.duration", "client")
    }

    pub(super) fn server(meter: &Meter) -> Self {
        Self::new(meter, "rpc.server.call.duration", "server")
    }

    fn new(meter: &Meter, name: &'static str, kind: &'static str) -> Self {
        let duration = meter.f64_histogram(name).with_unit("s");
        let duration = duration.with_boundaries(SECONDS.to_vec());
        Self {
            duration: duration.build(),
            kind,
        }
    }

    /// Begins a call of `/package.Service/Method`. Health and reflection are asked all the time and
    /// tell nothing: they are not measured.
    pub(super) fn begin(&self, path: &str) -> Option<Measured> {
        let method = path.trim_start_matches('/');
        if method.starts_with("grpc.") {
            return None;
        }
        Some(Measured {
            calls: self.clone(),
            method: method.to_owned(),
            begun: Instant::now(),
            span: info_span!(
                "call",
                otel.name = method,
                otel.kind = self.kind,
                otel.status_code = Empty,
                rpc.system.name = "grpc",
                rpc.method = method,
                rpc.response.status_code = Empty,
            ),
            code: Code::Cancelled,
        })
    }
}

impl Measured {
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// How the call ended.
    pub(super) fn end(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let code = name(self.code);
        self.span.record("rpc.response.status_code", code);
        if self.code != Code::Ok {
            self.span.record("otel.status_code", "ERROR");
        }
        // Whoever calls what does not exist must not be able to make up time series.
        let method = match self.code {
            Code::Unimplemented => "_OTHER".to_owned(),
            _ => std::mem::take(&mut self.method),
        };
        let attributes = [
            KeyValue::new("rpc.method", method),
            KeyValue::new("rpc.response.status_code", code),
        ];
        let seconds = self.begun.elapsed().as_secs_f64();
        self.calls.duration.record(seconds, &attributes);
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
