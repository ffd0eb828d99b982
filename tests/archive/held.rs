use std::time::Duration;

use chatkeep_control::Clock;
use chatkeep_proto::v1::{PutConnectorRequest, ReportRequest, ReportResponse, RunState};
use jiff::Timestamp;

use crate::{
    embedded::{Services, connector, covered},
    sandbox::Sandbox,
};

const DORA: &str =
    "dora@contoso.com,Dora Day,dora@contoso.com,SMTP:dora@contoso.com,sip:dora@contoso.com\n";

fn sandbox_with_a_leaver() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("dora", "hi")]);
    sandbox
}

fn learn_dora(sandbox: &Sandbox) {
    let directory = std::fs::read_to_string(sandbox.path("directory.csv")).unwrap();
    sandbox.write("directory.csv", directory + DORA);
}

#[test]
fn somebody_ours_without_a_mailbox_is_held_and_listed() {
    let outcome = sandbox_with_a_leaver().archive();

    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("deliveries.held"), 1);
    let held = &outcome.report["held"][0];
    assert_eq!(held["source_user"], "dora@contoso.com");
    assert_eq!(held["items"], 1);
}

#[test]
fn the_next_run_delivers_what_the_directory_has_learned() {
    let sandbox = sandbox_with_a_leaver();
    sandbox.archive();
    learn_dora(&sandbox);

    let outcome = sandbox.archive();

    assert_eq!(sandbox.mails("dora@contoso.com").len(), 1, "{outcome:?}");
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
    let report = sandbox.archive();
    assert_eq!(report.count("deliveries.held"), 0, "{report:?}");
    assert_eq!(report.code, Some(0), "{report:?}");
}

#[test]
fn deliver_held_captures_nothing_new() {
    let sandbox = sandbox_with_a_leaver();
    sandbox.archive();
    sandbox.session("b", 1, &[("ann", "new"), ("bob", "new too")]);
    learn_dora(&sandbox);

    let outcome = sandbox.run(&["deliver-held"]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(sandbox.mails("dora@contoso.com").len(), 1);
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}

#[test]
fn a_changed_mapping_never_repeats_old_mail() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.archive();
    sandbox.write(
        "mapping.csv",
        "source_user,mailbox\nann@contoso.com,cem.can@contoso.com\n",
    );
    sandbox.edit_connector(
        "[target]",
        "[mapping]\ncustom = \"mapping.csv\"\n\n[target]",
    );

    sandbox.archive();

    assert!(sandbox.mails("cem.can@contoso.com").is_empty());
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}

#[test]
fn a_catch_all_mailbox_gets_what_nobody_owns() {
    let sandbox = sandbox_with_a_leaver();
    sandbox.edit_connector(
        "[target]",
        "[mapping]\nunmapped = \"compliance@contoso.com\"\n\n[target]",
    );

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(sandbox.mails("compliance@contoso.com").len(), 1);
}

#[test]
fn partners_are_external_and_get_nothing() {
    let sandbox = Sandbox::new();
    let eml = crate::sandbox::session(0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.write(
        "exports/a.eml",
        eml.replace("bob@contoso.com", "bob@fabrikam.com"),
    );

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(
        outcome.report["external"][0]["source_user"],
        "bob@fabrikam.com"
    );
    assert_eq!(outcome.count("deliveries.planned"), 1);
}

#[test]
fn an_address_of_two_users_is_held_never_guessed() {
    let sandbox = sandbox_with_a_leaver();
    learn_dora(&sandbox);
    let directory = std::fs::read_to_string(sandbox.path("directory.csv")).unwrap();
    let twin = DORA.replacen(
        "dora@contoso.com,Dora Day,dora",
        "dora2@contoso.com,Dora Dee,dora2",
        1,
    );
    sandbox.write(
        "directory.csv",
        directory + &twin.replace("SMTP:dora@", "SMTP:dora2@"),
    );

    let outcome = sandbox.archive();

    assert_eq!(outcome.count("deliveries.held"), 1, "{outcome:?}");
    assert!(sandbox.mails("dora@contoso.com").is_empty());
    let check = sandbox.run(&["check", "connector.toml"]);
    assert!(
        check.stdout.contains("dora@contoso.com"),
        "{}",
        check.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_runs_a_schedule_delivers_what_the_directory_has_learned() {
    let sandbox = sandbox_with_a_leaver();
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    // What the sandbox wrote is long quiet then.
    let clock = Clock::standing_at(time("2099-01-01T00:59:00Z").into());
    let Services {
        mut control,
        lifecycle,
    } = Services::start(&sandbox, &clock).await;
    let connector = connector(&sandbox);
    let request = PutConnectorRequest {
        connector_file: connector.to_toml().unwrap(),
        schedule: true,
        max_part_bytes: 0,
        ..PutConnectorRequest::default()
    };
    control.put_connector(request).await.unwrap();
    clock.set(time("2099-01-01T01:00:00Z").into());
    covered(&mut control, time("2099-01-01T00:00:00Z")).await;
    let id = connector.id();
    let report = async |number| -> ReportResponse {
        let request = ReportRequest {
            connector: id.clone(),
            number,
            ..ReportRequest::default()
        };
        control.clone().report(request).await.unwrap().into_inner()
    };
    assert_eq!(report(1).await.deliveries.unwrap().held, 1);
    assert!(sandbox.mails("dora@contoso.com").is_empty());

    learn_dora(&sandbox);
    clock.set(time("2099-01-01T02:00:00Z").into());
    while report(1).await.state() != RunState::Succeeded {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let deliveries = report(1).await.deliveries.unwrap();
    assert_eq!((deliveries.planned, deliveries.imported), (2, 2));
    assert_eq!(sandbox.mails("dora@contoso.com").len(), 1);
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
    assert_eq!(report(2).await.earlier_deliveries, 1);
    assert!(lifecycle.stop().await);
    let seals = std::fs::read_dir(sandbox.path(".chatkeep/seals").join(&id)).unwrap();
    let seals = seals.map(|seal| std::fs::read_to_string(seal.unwrap().path()).unwrap());
    let addenda = seals.filter(|seal| seal.contains(r#""run":1,"kind":"addendum""#));
    assert_eq!(addenda.count(), 1);
}
