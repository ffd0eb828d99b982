//! A collector that is away, or answers nothing, costs its traces and nothing else.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Instant,
};

use chatkeep_testkit::free_port;
use tokio::runtime::Runtime;

use crate::{
    cluster::Cluster,
    program::Program,
    servers::Servers,
    system::Form,
    traces::Collector,
    work::{add_sessions, sessions, wait_until},
};

/// Mailboxes that every session is delivered to.
const PARTICIPANTS: u64 = 2;

/// Items of a measurement, and how often it is taken.
const MEASURED: u32 = 4_000;
const ROUNDS: usize = 5;

/// Spans that a program has lost.
fn lost(program: &Program) -> u64 {
    let (_, metrics) = program.get("/metrics").unwrap();
    let lines = metrics.lines();
    let lost = lines.filter(|line| line.starts_with("chatkeep_telemetry_spans_lost_total{"));
    let count = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    lost.map(count).sum()
}

fn all_lose(cluster: &Cluster) -> bool {
    cluster.programs.iter().all(|program| lost(program) > 0)
}

/// Stops every program, which must end with exit code 0, and returns what each has said of its traces.
fn stopped(cluster: &mut Cluster) -> Vec<(&'static str, usize, usize)> {
    let mut said = Vec::new();
    for program in &mut cluster.programs {
        program.terminate();
        let log = program.log();
        let times = |words: &str| log.matches(words).count();
        let (down, end) = (times("traces are not sent"), times("traces were not sent"));
        said.push((program.name, down, end));
    }
    said
}

/// Archives without the collector, and asserts that nothing but traces is missing.
fn archives_without(collector: SocketAddr) {
    let form = Form {
        collector: Some(collector),
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(20));

    let archived = cluster.archive();

    assert_eq!(archived.code, Some(0), "{archived:?}");
    let delivered = archived.count("deliveries.imported");
    assert_eq!(delivered, 20 * PARTICIPANTS);
    wait_until("each program counts lost spans", || all_lose(&cluster));
    for (program, down, end) in stopped(&mut cluster) {
        // Once when it begins, once what was still waiting at the end: not for each span or batch.
        assert_eq!(down, 1, "{program}");
        assert!(end <= 1, "{program}: {end}");
    }
}

#[test]
fn a_run_ends_as_well_where_nobody_listens_for_traces() {
    let port = free_port().unwrap();

    archives_without(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
}

#[test]
fn a_run_ends_as_well_where_a_collector_takes_traces_and_answers_nothing() {
    let black_hole = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

    archives_without(black_hole.local_addr().unwrap());
}

#[test]
fn a_run_ends_as_well_when_its_collector_is_killed_in_the_middle() {
    let runtime = Runtime::new().unwrap();
    let collector = Collector::default();
    let form = Form {
        collector: Some(runtime.block_on(collector.serve())),
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(10));
    assert_eq!(cluster.archive().code, Some(0));
    wait_until("traces arrive", || !collector.traces().is_empty());
    add_sessions(cluster.sandbox(), 10, 10);

    runtime.shutdown_background();
    let archived = cluster.archive();

    assert_eq!(archived.code, Some(0), "{archived:?}");
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 20);
    wait_until("control counts lost spans", || {
        lost(cluster.of("control").next().unwrap()) > 0
    });
    for (program, down, end) in stopped(&mut cluster) {
        assert!(down <= 1 && end <= 1, "{program}: {down}, {end}");
    }
}

/// Processor time of all programs so far, in seconds.
fn processor_time(cluster: &Cluster) -> f64 {
    let of_program = |program: &Program| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", program.pid().unwrap())).unwrap();
        // Behind the name in parentheses: utime and stime in hundredths (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields = fields.split(' ').skip(11).take(2);
        fields
            .map(|ticks| ticks.parse::<f64>().unwrap())
            .sum::<f64>()
            / 100.0
    };
    cluster.programs.iter().map(of_program).sum()
}

/// Seconds of processors, and by the clock, that archiving takes.
fn measure(collector: Option<SocketAddr>) -> (f64, f64) {
    let form = Form {
        collector,
        ..Form::default()
    };
    let cluster = Cluster::start(&Servers::shared(), form, sessions(MEASURED));
    let (before, begun) = (processor_time(&cluster), Instant::now());

    let archived = cluster.archive();

    assert_eq!(archived.code, Some(0), "{archived:?}");
    let passed = begun.elapsed().as_secs_f64();
    (processor_time(&cluster) - before, passed)
}

/// The least, the median and the greatest.
fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let (least, median) = (figures[0], figures[figures.len() / 2]);
    format!(
        "{median:.1} s ({least:.1} to {:.1})",
        figures.last().unwrap()
    )
}

/// Figures, not a test: `./test bench`. What is compared takes turns, for other work disturbs all of it alike.
#[test]
#[ignore = "measures"]
fn what_traces_cost() {
    let runtime = Runtime::new().unwrap();
    let collector = Collector::default();
    let address = runtime.block_on(collector.serve());
    let black_hole = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let forms = [
        ("no collector", None),
        ("collector", Some(address)),
        ("answers nothing", Some(black_hole.local_addr().unwrap())),
    ];
    let mut took = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, collector), took) in forms.iter().zip(&mut took) {
            took.push(measure(*collector));
        }
    }
    for ((name, _), took) in forms.iter().zip(took) {
        let (processors, clock) = took.into_iter().unzip();
        let (processors, clock) = (spread(processors), spread(clock));
        println!("{name}: {MEASURED} items, {processors} of processors, {clock} by the clock");
    }
}
