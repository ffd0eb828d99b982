//! Traces: a run's way through queues and calls, as a collector gets to see it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use chatkeep_runtime::{GrpcSettings, Lifecycle, Network, Services};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    resource::v1::Resource,
    trace::v1::Span,
};
use tonic::{Request, Response, Status};

use crate::{cluster::Cluster, queries::of_panels, servers::Servers, system::Form, work::sessions};

/// Keeps what programs send: spans by trace, with the program's name.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Traces>>);

type Traces = BTreeMap<Vec<u8>, Vec<(String, Span)>>;

impl Collector {
    async fn serve(&self) -> SocketAddr {
        let settings = GrpcSettings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            plaintext: true,
            ..GrpcSettings::default()
        };
        let network = Network::new(&settings, &Lifecycle::detached()).unwrap();
        let services = Services::default().with(TraceServiceServer::new(self.clone()));
        let served = network.serve(services, chatkeep_proto::DESCRIPTORS).await;
        served.unwrap()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut traces = self.0.lock().unwrap();
        for resource in request.into_inner().resource_spans {
            let program = program(resource.resource.unwrap());
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                let trace = traces.entry(span.trace_id.clone()).or_default();
                trace.push((program.clone(), span));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn program(resource: Resource) -> String {
    let mut attributes = resource.attributes.into_iter();
    let name = attributes.find(|attribute| attribute.key == "service.name");
    match name.unwrap().value.unwrap().value {
        Some(Value::StringValue(name)) => name,
        other => panic!("{other:?} is no name"),
    }
}

fn programs(trace: &[(String, Span)]) -> BTreeSet<&str> {
    trace.iter().map(|(program, _)| program.as_str()).collect()
}

#[test]
fn a_run_is_traced_from_program_to_program() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = Collector::default();
    let form = Form {
        collector: Some(runtime.block_on(collector.serve())),
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(20));

    let archived = cluster.archive();

    assert_eq!(archived.code, Some(0), "{archived:?}");
    // What they have not sent yet, they send when they stop.
    for program in &mut cluster.programs {
        program.terminate();
    }
    let traces = collector.0.lock().unwrap().clone();
    let by_programs = |wanted: &[&str]| {
        let mut all = traces.values();
        let found = all.find(|trace| wanted.iter().all(|name| programs(trace).contains(name)));
        found.unwrap_or_else(|| panic!("no trace of {wanted:?}"))
    };
    let batch = by_programs(&["control", "ingestion", "conversion", "mapping"]);
    assert_whole(batch);
    let import = by_programs(&["control", "mailbox-import"]);
    assert_whole(import);
    // Each part is a trace of its own: neither the other one's nor that of a process, which has no end.
    assert_eq!(programs(batch).len(), 4);
    assert_eq!(programs(import).len(), 2);
    // The part leads back to the whole.
    let links: Vec<_> = import.iter().flat_map(|(_, span)| &span.links).collect();
    let is_run = |(_, span): &(String, Span)| span.name == "begin run";
    assert!(
        links
            .iter()
            .any(|link| traces[&link.trace_id].iter().any(is_run))
    );
    assert_searchable(&traces);
    let everything = format!("{traces:?}");
    for content in ["contoso", "hello", "Sandbox"] {
        assert!(!everything.contains(content), "{content}");
    }
}

/// Every span but the first was begun by another one of the trace.
fn assert_whole(trace: &[(String, Span)]) {
    let known: BTreeSet<_> = trace.iter().map(|(_, span)| &span.span_id).collect();
    let first = |span: &Span| span.parent_span_id.is_empty();
    let firsts = trace.iter().filter(|(_, span)| first(span)).count();
    assert_eq!(firsts, 1);
    for (program, span) in trace {
        let is_known = first(span) || known.contains(&span.parent_span_id);
        assert!(is_known, "{program}: {} has lost its parent", span.name);
    }
}

/// Attributes that dashboards search spans by are there.
fn assert_searchable(traces: &Traces) {
    let spans = traces.values().flatten().map(|(_, span)| span);
    let attributes = spans.flat_map(|span| &span.attributes);
    let known: BTreeSet<_> = attributes.map(|attribute| attribute.key.as_str()).collect();
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_';
    let mut searches = 0;
    for search in of_panels("query") {
        for named in search.text.split("span.").skip(1) {
            let name = named.split(ends).next().unwrap();
            assert!(known.contains(name), "{search:?}: no span has {name}");
            searches += 1;
        }
    }
    assert!(searches > 10, "{searches}");
}
