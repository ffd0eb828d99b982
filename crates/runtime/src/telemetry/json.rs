use std::{
    error::Error,
    fmt,
    io::{self, Write as _},
    sync::OnceLock,
    time::SystemTime,
};

use opentelemetry::trace::TraceContextExt as _;
use serde_json::{Map, Value};
use tracing::{
    Dispatch, Event, Subscriber,
    dispatcher::WeakDispatch,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::outage::chain;

/// Writes one JSON object a line to standard error: time, level, message, the fields of the event and
/// of the spans around it, the ids of trace and span.
#[derive(Default)]
pub(super) struct JsonLog {
    dispatch: OnceLock<WeakDispatch>,
}

/// The fields of a span.
struct Fields(Map<String, Value>);

impl<S> Layer<S> for JsonLog
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.dispatch.get_or_init(|| dispatch.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Map::new();
        attributes.record(&mut Collect(&mut fields));
        span.extensions_mut().insert(Fields(fields));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(Fields(fields)) = span.extensions_mut().get_mut() {
            record.record(&mut Collect(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Map::new();
        let now = humantime(SystemTime::now());
        line.insert("time".to_owned(), now.into());
        let level = event.metadata().level().as_str();
        line.insert("level".to_owned(), level.into());
        line.insert("target".to_owned(), event.metadata().target().into());
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Fields(fields)) = span.extensions().get() {
                for (name, value) in fields {
                    // The innermost span comes first and wins.
                    line.entry(name).or_insert_with(|| value.clone());
                }
            }
        }
        if let Some(span) = context.event_span(event) {
            self.add_trace(&span.id(), &mut line);
        }
        event.record(&mut Collect(&mut line));
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // Nobody is left to tell when standard error is gone.
        drop(io::stderr().write_all(text.as_bytes()));
    }
}

impl JsonLog {
    fn add_trace(&self, span: &Id, line: &mut Map<String, Value>) {
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        let context = dispatch.and_then(|dispatch| get_otel_context(span, &dispatch));
        let Some(context) = context else { return };
        let span = context.span();
        let context = span.span_context();
        if context.is_valid() {
            let trace = context.trace_id().to_string();
            line.insert("trace_id".to_owned(), trace.into());
            line.insert("span_id".to_owned(), context.span_id().to_string().into());
        }
    }
}

fn humantime(time: SystemTime) -> String {
    humantime_serde::re::humantime::format_rfc3339_millis(time).to_string()
}

/// Collects fields. What only the trace is interested in (`otel.*`) is left out.
struct Collect<'a>(&'a mut Map<String, Value>);

impl Collect<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        if !field.name().starts_with("otel.") {
            self.0.insert(field.name().to_owned(), value.into());
        }
    }
}

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.insert(field, chain(value));
    }
}
