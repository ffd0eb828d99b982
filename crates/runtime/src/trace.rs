//! The way of a trace from process to process: the W3C header `traceparent`, in gRPC metadata, in the
//! headers of work messages, and in the ledger beside the tasks that wait.
//!
//! Without the feature `network` there are no traces: [`current`] finds none, the rest does nothing.

#[cfg_attr(feature = "network", path = "trace/otel.rs")]
#[cfg_attr(not(feature = "network"), path = "trace/none.rs")]
mod context;

pub use self::context::{continue_from, current, current_id, link_to};

/// Name of the header.
pub const TRACEPARENT: &str = "traceparent";
