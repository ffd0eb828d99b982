//! A program that starts while something it needs is away.

use std::{
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::{Azurite, Postgres};

use crate::{
    cluster::Cluster,
    running::Running,
    servers::Servers,
    system::Form,
    work::{sessions, wait_until},
};

#[test]
fn control_waits_for_its_database_alive_and_not_ready() {
    let servers = Servers::start(Azurite::start, Postgres::start);
    let mut cluster = Cluster::start(&servers, Form::default(), sessions(20));
    let control = cluster.of("control").next().unwrap();
    control.kill();
    servers.postgres().kill().unwrap();

    control.start();
    let since = Instant::now();
    wait_until("control has tried three times", || {
        control.log().matches("ledger does not answer").count() >= 3
    });
    // Two pauses, which are never shorter than they should be.
    assert!(since.elapsed() >= Duration::from_secs(2));
    let status = |path| control.get(path).map(|(status, _)| status);
    assert_eq!(status("/livez"), Some(200));
    assert_eq!(status("/readyz"), Some(503));
    servers.postgres().resume().unwrap();

    control.wait_until_ready();
    let outcome = cluster.archive();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 20);
}

#[test]
fn archiving_waits_for_a_control_that_is_away_when_it_begins() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(20));
    cluster.kill("control");

    let archiving = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    // Longer than one call is repeated.
    thread::sleep(Duration::from_secs(6));
    cluster.start_again("control");

    let (code, said) = archiving.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 20);
}
