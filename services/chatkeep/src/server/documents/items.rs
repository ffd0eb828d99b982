use chatkeep_proto::v1::{
    Blob, DeliveryState, Part, Placement, TraceItemResponse, TracedCopy as CopyMessage,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{bytes, name, seconds};

/// An item's way.
#[derive(Deserialize)]
pub(in crate::server) struct ItemTrace {
    connector: String,
    run: i64,
    kind: String,
    date: Timestamp,
    records: u32,
    files: Vec<String>,
    captured: Option<String>,
    rendered: Option<String>,
    parts: Vec<TracedPart>,
    supersedes: Option<String>,
    copies: Vec<TracedCopy>,
    traces: Vec<Trace>,
}

/// A trace of work.
#[derive(Deserialize)]
struct Trace {
    /// What was done in it.
    of: String,
    id: String,
}

#[derive(Deserialize)]
struct TracedPart {
    offset: u64,
    size: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct TracedCopy {
    source_user: String,
    placement: String,
    mailbox: String,
    state: Option<String>,
    reason: String,
    settled: Option<Timestamp>,
    trace: Option<Trace>,
    traces_kept: Option<u64>,
}

impl From<ItemTrace> for TraceItemResponse {
    fn from(item: ItemTrace) -> Self {
        let blob = |key| Blob {
            key,
            ..Blob::default()
        };
        let parts = item.parts.iter().map(|part| Part {
            offset: part.offset,
            size: part.size,
            sha256: bytes(&part.sha256).into(),
        });
        Self {
            connector: item.connector,
            run_number: item.run,
            kind: item.kind,
            date: item.date.as_second(),
            records: item.records,
            files: item.files,
            batch: item.captured.map(blob),
            blob: item.rendered.map(blob),
            parts: parts.collect(),
            supersedes: bytes(&item.supersedes.unwrap_or_default()).into(),
            rendered_in: trace_of(&item.traces, "rendered"),
            planned_in: trace_of(&item.traces, "planned"),
            copies: item.copies.into_iter().map(CopyMessage::from).collect(),
        }
    }
}

/// Id of the trace in which a step happened; empty where none is known.
fn trace_of(traces: &[Trace], step: &str) -> String {
    let trace = traces.iter().find(|trace| trace.of == step);
    trace.map(|trace| trace.id.clone()).unwrap_or_default()
}

impl From<TracedCopy> for CopyMessage {
    fn from(copy: TracedCopy) -> Self {
        let placement = Placement::from_str_name(&name("PLACEMENT", &copy.placement));
        let state = copy.state.unwrap_or_default();
        let state = DeliveryState::from_str_name(&name("DELIVERY_STATE", &state));
        Self {
            source_user: copy.source_user,
            placement: placement.unwrap_or_default().into(),
            mailbox: copy.mailbox,
            state: state.unwrap_or_default().into(),
            reason: copy.reason,
            settled: seconds(copy.settled),
            settled_in: copy.trace.map(|trace| trace.id).unwrap_or_default(),
            traces_kept: copy.traces_kept.unwrap_or_default(),
        }
    }
}
