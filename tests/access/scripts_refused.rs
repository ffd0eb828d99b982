//! What a script is told when the server does not do what it wants, and what it does about it.

use std::net::SocketAddr;

use chatkeep_testkit::{Cut, CuttingProxy, free_port};
use serde_json::json;

use crate::{
    script::Script,
    system::{ADMINISTRATOR, System},
    tls::TlsProxy,
};

fn address(system: &System) -> SocketAddr {
    let address = system.origin.strip_prefix("http://").unwrap();
    address.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_none_and_a_role_that_is_missing_are_said() {
    let system = System::with_issuer().await;
    let file = system.folder.path().join("connector.toml");
    let put = ["connectors", "put", file.to_str().unwrap()];
    let forged = system
        .provider()
        .forged_token(&json!({ "roles": ADMINISTRATOR, "sub": "mallory" }));

    let forged = Script::with_token(&system.origin, &forged).run(&put);
    let viewer = Script::new(&system, &["Viewer"]).run(&put);
    let mut nobody = Script::new(&system, &["Viewer"]);
    nobody.options.truncate(2);
    let nobody = nobody.run(&["connectors", "list"]);

    forged.assert_refused("does not know who asks");
    viewer.assert_refused("not allowed: this takes the role");
    assert!(
        viewer.stderr.contains("Mailbox Import Export"),
        "{viewer:?}"
    );
    nobody.assert_refused("CHATKEEP_TOKEN");
    let list = Script::new(&system, &["Viewer"]).run(&["connectors", "list"]);
    assert_eq!(list.stdout.lines().count(), 1, "{list:?}");
}

#[test]
fn a_token_is_not_sent_to_another_machine_in_the_clear() {
    let script = Script::with_token("http://chatkeep.contoso.com", "token");

    let printed = script.run(&["connectors", "list"]);

    printed.assert_refused("must begin with https://");
}

#[test]
fn a_server_that_is_away_is_waited_for_and_then_named() {
    let port = free_port().unwrap();
    let mut script = Script::with_token(&format!("http://127.0.0.1:{port}"), "token");
    script.patience = "1s";

    let printed = script.run(&["connectors", "list"]);

    printed.assert_refused("the server does not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_answer_was_lost_is_not_opened_again() {
    let system = System::with_issuer().await;
    let file = system.folder.path().join("connector.toml");
    let direct = Script::new(&system, &ADMINISTRATOR);
    let put = direct.run(&["connectors", "put", "--manual", file.to_str().unwrap()]);
    put.assert_done();
    let proxy = CuttingProxy::start(address(&system)).unwrap();
    let mut script = Script::new(&system, &ADMINISTRATOR);
    script.options[1] = format!("http://{}", proxy.address());
    // The first connection reads the connector; over the second one the run is opened.
    proxy.cut_next(Cut::ToClient(usize::MAX));
    proxy.cut_next(Cut::ToClient(0));

    let run = script.run(&["connectors", "run", "Contoso Skype for Business"]);

    assert_eq!(proxy.cuts_made(), 1, "{run:?}");
    assert!(run.stdout.contains(", run 1: "), "{run:?}");
    // It got the first answer; a second request would have gone on with the unfinished run.
    assert!(!run.stderr.contains("resuming"), "{run:?}");
    let runs = direct.run(&["runs", "-c", "Contoso Skype for Business"]);
    assert_eq!(runs.stdout.lines().count(), 2, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_a_certificate_of_the_authority_that_is_named() {
    let system = System::with_issuer().await;
    let proxy = TlsProxy::before(address(&system)).await;
    let with = |ca: &str| {
        let mut script = Script::new(&system, &["Viewer"]);
        script.options[1].clone_from(&proxy.origin);
        let ca = proxy.folder.path().join(ca);
        script
            .options
            .extend(["--ca".to_owned(), ca.display().to_string()]);
        script.patience = "1s";
        script.run(&["connectors", "list"])
    };

    with("ca.pem").assert_done();
    with("other.pem").assert_refused("certificate");
}
