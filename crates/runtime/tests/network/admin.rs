use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chatkeep_proto::v1::{PreviewRequest, ResolveRequest};
use chatkeep_runtime::{
    About, AdminSettings, Lifecycle, Readiness, ask, serve_admin,
    telemetry::{Telemetry, TelemetrySettings},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::service::{Server, Slow, plaintext};

/// Status and body of a page.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

/// Waits until a page answers like this.
async fn answers(address: SocketAddr, path: &str, status: u16) -> String {
    loop {
        let (found, body) = get(address, path).await;
        if found == status {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn admin(readiness: Readiness, telemetry: &Telemetry, lifecycle: &Lifecycle) -> SocketAddr {
    let settings = AdminSettings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    let about = About::new("control", "1.2.3", Some(7));
    let served = serve_admin(&settings, about, readiness, telemetry.clone(), lifecycle);
    served.await.unwrap()
}

fn telemetry() -> Telemetry {
    Telemetry::new(&TelemetrySettings::default(), "test", "1.2.3").unwrap()
}

#[tokio::test]
async fn a_program_is_ready_while_what_it_needs_answers_and_alive_all_the_time() {
    let lifecycle = Lifecycle::detached();
    let is_up = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_up);
    let readiness = Readiness::default();
    readiness.needs("queue", move || {
        let answer = asked.load(Ordering::SeqCst).then_some(());
        async move { answer.ok_or("away") }
    });
    let address = admin(readiness.clone(), &telemetry(), &lifecycle).await;

    let starting = answers(address, "/readyz", 503).await;
    readiness.started();
    let unready = answers(address, "/readyz", 503).await;
    is_up.store(true, Ordering::SeqCst);
    let ready = answers(address, "/readyz", 200).await;
    is_up.store(false, Ordering::SeqCst);
    answers(address, "/readyz", 503).await;

    assert_eq!(starting, "not ready\nstarting\nqueue: unreachable\n");
    assert_eq!(unready, "not ready\nqueue: unreachable\n");
    assert_eq!(ready, "ready\nqueue: reachable\n");
    assert_eq!(get(address, "/livez").await.0, 200);
}

#[tokio::test]
async fn a_program_says_which_it_is_to_another_one_that_asks() {
    let lifecycle = Lifecycle::detached();
    let address = admin(Readiness::default(), &telemetry(), &lifecycle).await;
    let url = format!("http://{address}");

    let version = ask(&url, "/version").await.unwrap();
    let unready = ask(&url, "/readyz").await.unwrap();
    let absent = ask(&url, "/nothing").await.unwrap();
    let malformed = ask(&format!("https://{address}"), "/version").await;

    let expected = About::new("control", "1.2.3", Some(7));
    assert_eq!(version.body.parse::<About>().unwrap(), expected);
    assert_eq!(unready.status, 503);
    assert_eq!(absent.status, 404);
    let malformed = malformed.unwrap_err().to_string();
    assert!(malformed.contains("write http://HOST:PORT"), "{malformed}");
}

#[tokio::test]
async fn a_dependency_that_does_not_answer_is_unreachable() {
    let lifecycle = Lifecycle::detached();
    let silent = || std::future::pending::<Result<(), String>>();
    let readiness = Readiness::default();
    readiness.needs("staging", silent);
    readiness.started();

    let address = admin(readiness, &telemetry(), &lifecycle).await;

    answers(address, "/readyz", 503).await;
}

#[tokio::test]
async fn a_program_that_drains_is_alive_and_not_ready() {
    let lifecycle = Lifecycle::detached();
    let readiness = Readiness::default();
    readiness.started();
    let address = admin(readiness, &telemetry(), &lifecycle).await;
    answers(address, "/readyz", 200).await;

    assert!(lifecycle.stop().await);

    let (status, body) = get(address, "/readyz").await;
    assert_eq!((status, body.as_str()), (503, "draining\n"));
    assert_eq!(get(address, "/livez").await.0, 200);
}

#[tokio::test]
async fn calls_are_measured_on_both_sides_with_method_and_code() {
    let telemetry = telemetry();
    let lifecycle = Lifecycle::detached().with_meter(telemetry.meter());
    let server = Server::start_in(lifecycle.clone(), &plaintext(), Slow::open()).await;
    let address = admin(Readiness::default(), &telemetry, &lifecycle).await;
    let mut client = server.client_in(&lifecycle, &plaintext());

    client.resolve(ResolveRequest::default()).await.unwrap();
    client.preview(PreviewRequest::default()).await.unwrap_err();

    let (_, metrics) = get(address, "/metrics").await;
    for side in ["client", "server"] {
        for (method, code) in [("Resolve", "OK"), ("Preview", "INTERNAL")] {
            let line = format!(
                "rpc_{side}_call_duration_seconds_count{{rpc_method=\"chatkeep.v1.Mapping/{method}\",\
                 rpc_response_status_code=\"{code}\"}} 1"
            );
            assert!(metrics.contains(&line), "{line}\n{metrics}");
        }
    }
    assert!(metrics.contains("service_name=\"test\""), "{metrics}");
    assert!(metrics.contains("service_version=\"1.2.3\""), "{metrics}");
}
