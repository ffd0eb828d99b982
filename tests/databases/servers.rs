//! Ways to a server: TLS, mirrors, named instances, other servers.

use chatkeep_testkit::{
    make_certificates,
    tds::{Encrypted, Fault, Options, Tls, When},
};

use crate::world::World;

fn encrypted() -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path()).unwrap();
    let tls = Tls {
        folder: folder.path().to_owned(),
        is_required: true,
    };
    let options = Options {
        tls: Some(tls),
        ..Options::default()
    };
    (folder, options)
}

#[test]
fn everything_is_encrypted_and_the_certificate_is_checked() {
    let (folder, options) = encrypted();
    let world = World::with_options(1, &options);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let ca = folder.path().join("ca.pem");

    world.connect("");
    let untrusted = world.archive();
    world.connect(&format!("ca = '{}'\n", ca.display()));
    world.archive_all();

    assert_eq!(untrusted.code, Some(1));
    assert!(
        untrusted.stderr.contains("no certificate that is trusted"),
        "{untrusted:?}"
    );
    let logins = world.pools[0].server.logins();
    assert!(!logins.is_empty());
    assert!(
        logins
            .iter()
            .all(|login| login.encrypted == Encrypted::Everything)
    );
    assert!(logins.iter().all(|login| login.application == "chatkeep"));
}

#[test]
fn any_certificate_will_do_where_it_is_said() {
    let (_folder, options) = encrypted();
    let world = World::with_options(1, &options);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.connect("tls = \"trust\"\n");

    world.archive_all();

    assert_eq!(world.how_often("ann@contoso.com", "granite"), 1);
}

#[test]
fn quirk_the_mirror_is_read_when_the_server_is_away() {
    let world = World::new(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let instance = Options {
        instance: Some("MIRROR".to_owned()),
        ..Options::default()
    };
    let mirror = world.another_server(0, instance);
    let browser = mirror.browser_port().unwrap();
    let faults = world.pools[0].server.faults();
    faults.set(When::Always, Fault::Mirror);
    // Only a named instance has a port of its own.
    let keys = format!(
        "server = '127.0.0.1\\NOBODY'\nfailover_partner = '127.0.0.1\\MIRROR'\nport = {browser}\n\
         tls = \"none\"\n"
    );
    world.write_connector(&[keys]);

    world.archive_all();

    assert_eq!(world.how_often("ann@contoso.com", "granite"), 1);
    assert!(!mirror.logins().is_empty());
}

#[test]
fn a_server_may_send_us_to_another_one() {
    let world = World::new(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let other = world.another_server(0, Options::default());
    let route = Fault::Route {
        host: "127.0.0.1".to_owned(),
        port: other.port(),
    };
    world.pools[0].server.faults().set(When::Always, route);

    world.archive_all();

    assert!(!other.logins().is_empty());
}

#[test]
fn a_listener_in_several_subnets_is_dialled_at_once() {
    let world = World::new(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let port = world.pools[0].server.port();
    // localhost has two addresses, and the server listens on one of them.
    let keys = format!(
        "server = \"localhost\"\nport = {port}\ntls = \"none\"\nmulti_subnet_failover = true\n"
    );
    world.write_connector(&[keys]);

    world.archive_all();

    assert_eq!(world.how_often("ann@contoso.com", "granite"), 1);
}

#[test]
fn deadlocks_and_broken_connections_pass() {
    let world = World::new(1);
    world.connect("tls = \"none\"\npage_size = 2\n");
    let lines: Vec<_> = (0..9).map(|second| (second, "ann", "granite")).collect();
    world.chat(0, 0, &lines);
    let faults = world.pools[0].server.faults();
    faults.set_at("messages", When::Nth(3), Fault::deadlock());
    faults.set_at("messages", When::Nth(5), Fault::Cut { rows: 1 });

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.rendered"), 9);
    assert_eq!(world.how_often("bob@contoso.com", "granite"), 9);
    assert_eq!(faults.waiting(), 0);
}

#[test]
fn a_statement_without_an_answer_is_given_up_and_asked_again() {
    let world = World::new(1);
    world.connect("tls = \"none\"\nstatement_timeout = \"1s\"\n");
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let faults = world.pools[0].server.faults();
    // The first one is the look before the run.
    faults.set_at("messages", When::Nth(2), Fault::Stall);

    world.archive_all();

    assert_eq!(world.how_often("ann@contoso.com", "granite"), 1);
}

#[test]
fn rows_are_read_no_faster_than_is_said() {
    let world = World::new(1);
    world.connect("tls = \"none\"\npage_size = 5\nrows_per_second = 10\n");
    let lines: Vec<_> = (0..20).map(|second| (second, "ann", "granite")).collect();
    world.chat(0, 0, &lines);
    let begun = std::time::Instant::now();

    world.archive_all();

    assert!(begun.elapsed() >= std::time::Duration::from_millis(1_900));
}
