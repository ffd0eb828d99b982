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
    common::v1::any_value::Value as Attribute,
    resource::v1::Resource,
    trace::v1::Span,
};
use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::{
    cluster::Cluster,
    queries::of_panels,
    servers::Servers,
    system::{Form, STAGES},
    work::sessions,
};

/// Keeps what programs send: spans by trace, with the program's name.
#[derive(Clone, Default)]
pub(crate) struct Collector(Arc<Mutex<Traces>>);

pub(crate) type Traces = BTreeMap<Vec<u8>, Vec<(String, Span)>>;

impl Collector {
    /// Listens, and goes on as long as the runtime.
    pub(crate) async fn serve(&self) -> SocketAddr {
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

    /// What has arrived.
    pub(crate) fn traces(&self) -> Traces {
        self.0.lock().unwrap().clone()
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
        Some(Attribute::StringValue(name)) => name,
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
    let traces = collector.traces();
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

/// The 32 digits behind words.
fn trace_behind(text: &str, words: &str) -> Vec<u8> {
    let (_, rest) = text
        .split_once(words)
        .unwrap_or_else(|| panic!("no {words:?}: {text}"));
    let digits = rest.trim_start().get(..32).unwrap();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
}

#[test]
fn a_mail_leads_to_the_traces_of_its_rendering_and_of_its_import() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = Collector::default();
    let form = Form {
        collector: Some(runtime.block_on(collector.serve())),
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(5));
    assert_eq!(cluster.archive().code, Some(0));
    let mail = cluster.sandbox().mails("ann@contoso.com").remove(0);
    let id = mail.header("Message-ID").unwrap();

    let told = cluster.run(&["item", &id]);

    for program in &mut cluster.programs {
        program.terminate();
    }
    let traces = collector.traces();
    let of = |words: &str| programs(&traces[&trace_behind(&told.stdout, words)]);
    let rendered = of("\ntrace ");
    for program in ["ingestion", "conversion", "mapping"] {
        assert!(rendered.contains(program), "{program}: {rendered:?}");
    }
    let imported = of(" in trace ");
    assert!(imported.contains("mailbox-import"), "{imported:?}");
}

/// Lines of a program's log about a task name the trace that the collector got.
#[test]
fn what_is_logged_of_a_task_names_its_trace() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = Collector::default();
    let form = Form {
        collector: Some(runtime.block_on(collector.serve())),
        log: "debug",
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(5));
    assert_eq!(cluster.archive().code, Some(0));

    for program in &mut cluster.programs {
        program.terminate();
    }

    let traces = collector.traces();
    for stage in STAGES {
        let log = cluster.of(stage).next().unwrap().log();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let of_task = |line: &Value| line.get("chatkeep.task.id").is_some();
        let lines: Vec<_> = lines.filter(of_task).collect();
        assert!(!lines.is_empty(), "{stage}");
        for line in lines {
            let trace = line["trace_id"]
                .as_str()
                .unwrap_or_else(|| panic!("{line}"));
            let trace = data_encoding::HEXLOWER.decode(trace.as_bytes()).unwrap();
            assert!(traces.contains_key(&trace), "{line}");
        }
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
