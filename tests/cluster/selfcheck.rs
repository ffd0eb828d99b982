//! `chatkeep selfcheck` against programs that run.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use crate::{
    cluster::Cluster,
    sandbox::Outcome,
    servers::Servers,
    system::{Form, STAGES},
    work::sessions,
};

/// Asks control, and every program's two ports.
pub(crate) fn selfcheck(cluster: &mut Cluster) -> Outcome {
    let mut arguments = vec!["selfcheck".to_owned()];
    for name in STAGES.into_iter().chain(["control"]) {
        let program = cluster.of(name).next().unwrap();
        let (grpc, admin) = (program.grpc, program.admin);
        arguments.extend(["--grpc".to_owned(), cluster.url_of(grpc)]);
        arguments.extend(["--admin".to_owned(), format!("http://{admin}")]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    cluster.run(&arguments)
}

/// An admin port of a program that is not there.
fn admin_port(version: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the tests.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            let is_version = request[..length].starts_with(b"GET /version ");
            let body = if is_version { version } else { "ready\n" };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn a_system_that_works_passes_and_one_that_lacks_a_program_does_not() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(0));
    let whole = selfcheck(&mut cluster);
    cluster.kill("mapping");
    let mapping = cluster.of("mapping").next().unwrap().admin;
    let lacking = selfcheck(&mut cluster);

    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert_eq!(whole.stdout.matches("serves gRPC").count(), 6, "{whole:?}");
    assert_eq!(whole.stdout.matches("is ready").count(), 5, "{whole:?}");
    assert!(whole.stdout.contains("is ready, ledger of format "));
    assert_eq!(lacking.code, Some(1), "{lacking:?}");
    // The others are asked all the same.
    assert_eq!(lacking.stdout.matches("is ready").count(), 4);
    let missed = format!("error: http://{mapping}: connect to");
    assert!(lacking.stderr.contains(&missed), "{lacking:?}");
}

#[test]
fn a_program_that_does_not_reach_what_it_needs_fails_with_what_it_misses() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(0));
    cluster.kill("control");
    let conversion = cluster.of("conversion").next().unwrap();
    crate::work::wait_until("conversion misses control", || {
        conversion.get("/readyz").unwrap().0 == 503
    });
    let admin = format!("http://{}", conversion.admin);

    let outcome = cluster.sandbox().run(&["selfcheck", "--admin", &admin]);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let missed = "not ready, queue: reachable, control: unreachable";
    assert!(outcome.stderr.contains(missed), "{outcome:?}");
}

#[test]
fn programs_of_another_version_and_other_ledgers_do_not_fit_together() {
    let sandbox = sessions(0);
    let current = format!("control {}\nledger 1\n", env!("CARGO_PKG_VERSION"));
    let cases = [
        ("mapping 9.9.9\n", "mapping is of version 9.9.9, this is "),
        (
            &*current.leak(),
            "control keeps a ledger of format 1, this is for ",
        ),
        (
            "<html></html>",
            "ask for its version: read name and version",
        ),
    ];
    for (says, expected) in cases {
        let admin = format!("http://{}", admin_port(says));

        let outcome = sandbox.run(&["selfcheck", "--admin", &admin]);

        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(expected), "{outcome:?}");
    }
}

#[test]
fn nothing_to_check_is_a_mistake() {
    let outcome = sessions(0).run(&["selfcheck"]);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("name what to check"), "{outcome:?}");
}
