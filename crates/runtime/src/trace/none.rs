use tracing::Span;

/// The trace that the current span belongs to, as a `traceparent`.
pub fn current() -> Option<String> {
    None
}

/// The id of the trace that the current span belongs to, 32 hexadecimal digits.
pub fn current_id() -> Option<String> {
    None
}

/// Makes a span that was not entered yet the child of one in another process.
pub fn continue_from(_: &Span, _: &str) {}

/// Names a span of another trace as one that a span has to do with.
pub fn link_to(_: &Span, _: &str) {}
