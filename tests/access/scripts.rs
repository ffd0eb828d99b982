//! What administrators do, by scripts: the same commands, the same output, the same exit codes as beside the
//! ledger.

use std::{fs, path::Path};

use chatkeep_testkit::OpenIdProvider;

use crate::{
    script::{Printed, Script, local},
    system::{ADMINISTRATOR, System},
};

const NAME: &str = "Contoso Skype for Business";

/// A system that keeps secrets.
async fn system() -> System {
    let key = [
        ("CHATKEEP__CONTROL__SECRETS_KEY", "env:CHATKEEP_TEST_KEY"),
        (
            "CHATKEEP_TEST_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    System::start(Some(OpenIdProvider::start().await.unwrap()), &key)
}

fn put(system: &System, script: &Script) {
    let file = system.folder.path().join("connector.toml");
    let put = script.run(&["connectors", "put", "--manual", file.to_str().unwrap()]);
    put.assert_done();
    assert!(put.stdout.contains("added; no run is opened by itself"));
}

fn of<'a>(question: &[&'a str], connector: &'a str) -> Vec<&'a str> {
    [question, &["-c", connector]].concat()
}

/// The balance of a run, without what is printed beside it.
fn balance(printed: &Printed) -> String {
    let lines = printed.stdout.lines();
    lines
        .take_while(|line| !line.is_empty() || line.starts_with("  "))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_server_is_asked_it_answers_as_the_ledger_does() {
    let system = system().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    put(&system, &script);
    let run = script.run(&["connectors", "run", NAME, "--report", "run.json"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let mut administrator = system.script(&ADMINISTRATOR);
    let range = "from=2025-03-01T00:00:00Z&to=2025-04-01T00:00:00Z";
    let search = format!("/api/v1/items/search?user=alice.morgan@contoso.com&{range}");
    let found = administrator.get(&search).await.json();
    let item = found["items"][0]["item"].as_str().unwrap().to_owned();
    script
        .run_with(&["secrets", "set", "imap"], "s3cret")
        .assert_done();
    let file = system.folder.path().join("connector.toml");
    let file = file.to_str().unwrap();

    let questions: Vec<Vec<&str>> = vec![
        vec!["runs"],
        vec!["balance", "1"],
        vec!["log", "1"],
        vec!["log", "1", "--format", "json"],
        vec!["failed", "1"],
        vec!["item", &item],
    ];
    let others: [&[&str]; 4] = [
        &["secrets", "list"],
        &["sessions", "list"],
        &["audit", "export", "trail.jsonl"],
        &["audit", "verify"],
    ];
    let answers = questions.iter().map(|one| script.run(&of(one, NAME)));
    let answers: Vec<_> = answers.collect();
    let checked = script.run(&["check", file]);
    let followed = script.run(&of(&["follow", "1"], NAME));
    let more = others.map(|other| script.run(other));
    let folder = system.stop();

    let verified = local(
        folder.path(),
        &["audit", "verify", "--data-dir", ".chatkeep"],
    );
    assert_eq!(verified.result(), more[3].result());
    let copied = ["audit", "verify", "--from"];
    let copy = script.token_file().with_file_name("trail.jsonl");
    let copied = local(
        folder.path(),
        &[&copied[..], &[copy.to_str().unwrap()]].concat(),
    );
    copied.assert_done();
    for (question, answer) in questions.iter().zip(&answers) {
        let here = local(folder.path(), &of(question, "connector.toml"));
        assert_eq!(answer.result(), here.result(), "{question:?} {answer:?}");
        assert!(answer.stdout.len() > 50, "{question:?} {answer:?}");
    }
    for (other, answer) in others.iter().zip(&more).take(2) {
        let here = local(
            folder.path(),
            &[other, &["--data-dir", ".chatkeep"][..]].concat(),
        );
        assert_eq!(answer.result(), here.result(), "{other:?} {answer:?}");
    }
    assert_eq!(followed.result(), answers[1].result());
    assert_eq!(followed.result(), run.result());
    same_report(&script, folder.path());
    let here = local(folder.path(), &["check", "connector.toml"]);
    let ready = |printed: &Printed| printed.stdout.split("\nready").next().unwrap().to_owned();
    assert_eq!(ready(&checked), ready(&here));
    assert_eq!((checked.code, here.code), (Some(0), Some(0)));
}

/// The balance that a script wrote as JSON is the one beside the ledger.
fn same_report(script: &Script, folder: &Path) {
    let written = [
        "balance",
        "1",
        "-c",
        "connector.toml",
        "--report",
        "here.json",
    ];
    assert_eq!(local(folder, &written).code, Some(2));
    let there = fs::read_to_string(script.token_file().with_file_name("run.json")).unwrap();
    let here = fs::read_to_string(folder.join("here.json")).unwrap();
    assert_eq!(there, here);
    assert!(here.contains("\"coverage\""), "{here}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_lives_from_put_to_delete_by_nothing_but_scripts() {
    let system = system().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let operator = Script::new(&system, &["Operator"]);
    put(&system, &script);
    let file = system.folder.path().join("connector.toml");
    let file = file.to_str().unwrap();

    let late = script.run(&["connectors", "put", "--if-version", "7", file]);
    let shown = script.run(&["connectors", "show", NAME]);
    let run = operator.run(&["connectors", "run", NAME]);
    let failed = operator.run(&["failed", "1", "-c", NAME]);
    let held = failed
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("held\t"));
    let held: Vec<_> = held.map(|line| line.split('\t').next().unwrap()).collect();
    let mapping = system.folder.path().join("mapping.csv");
    let more = format!("{},legal.hold@contoso.com\n", held[0]);
    fs::write(&mapping, fs::read_to_string(&mapping).unwrap() + &more).unwrap();
    let delivered = operator.run(&["deliver-held", "-c", NAME]);
    let still = operator.run(&["failed", "1", "-c", NAME]);
    let retried = operator.run(&["retry", "1", "-c", NAME]);
    operator.run(&["connectors", "pause", NAME]).assert_done();
    let paused = operator.run(&["connectors", "run", NAME]);
    operator.run(&["connectors", "resume", NAME]).assert_done();
    let copied = script.run(&["connectors", "clone", NAME, "Second"]);
    let listed = script.run(&["connectors", "list"]);
    let deleted = script.run(&["connectors", "delete", NAME, "--if-version", "1"]);
    let gone = operator.run(&["connectors", "run", NAME]);

    late.assert_refused("another version was stored since");
    assert!(
        shown.stdout.contains(&format!("name = \"{NAME}\"")),
        "{shown:?}"
    );
    assert!(shown.stderr.contains("version 1, manual"), "{shown:?}");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        balance(&run).contains("run 1: succeeded with exceptions"),
        "{run:?}"
    );
    assert!(matches!(delivered.code, Some(0 | 2)), "{delivered:?}");
    assert!(!still.stdout.contains(held[0]), "{still:?}");
    assert!(matches!(retried.code, Some(0 | 2)), "{retried:?}");
    paused.assert_refused("paused");
    copied.assert_done();
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:?}");
    deleted.assert_done();
    gone.assert_refused(&format!("no connector {NAME}"));
    let restored = script.run(&["connectors", "put", "--manual", file]);
    restored.assert_done();
    let again = script.run(&["connectors", "put", file]);
    assert!(again.stdout.contains("replaced; next run "), "{again:?}");
    assert!(
        operator
            .run(&["runs", "-c", NAME])
            .stdout
            .contains("succeeded")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_ordered_listed_and_cancelled() {
    let system = system().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    put(&system, &script);
    let days = [
        "--from",
        "2024-01-01",
        "--to",
        "2024-03-01",
        "--slice",
        "10",
    ];

    let ordered = script.run(&[&["backfill", "start", NAME], &days[..]].concat());
    let listed = script.run(&["backfill", "list", NAME]);
    let number = ordered.stdout.split(' ').nth(1).unwrap().to_owned();
    let cancelled = script.run(&["backfill", "cancel", NAME, &number]);

    assert!(
        ordered
            .stdout
            .contains("2024-01-01 to 2024-03-01, 10 days per run"),
        "{ordered:?}"
    );
    assert!(
        listed.stdout.contains("2024-01-01  2024-03-01  oldest"),
        "{listed:?}"
    );
    cancelled.assert_done();
    let listed = script.run(&["backfill", "list", NAME]);
    assert!(listed.stdout.contains("cancelled"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_comes_from_standard_input_or_a_file_and_goes_nowhere_else() {
    let system = system().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let file = script.token_file().with_file_name("password");
    fs::write(&file, "s3cret-two\n").unwrap();

    let first = script.run_with(&["secrets", "set", "imap"], "s3cret-one\n");
    let second = script.run(&["secrets", "set", "ldap", "--file", file.to_str().unwrap()]);
    let listed = script.run(&["secrets", "list"]);
    let deleted = script.run(&["secrets", "delete", "ldap"]);
    let trail = script.run(&["audit", "export", "trail.jsonl"]);

    for printed in [&first, &second, &listed, &deleted, &trail] {
        printed.assert_done();
        assert!(!format!("{printed:?}").contains("s3cret"), "{printed:?}");
    }
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:?}");
    assert_eq!(script.run(&["secrets", "list"]).stdout.lines().count(), 2);
    let trail = fs::read_to_string(script.token_file().with_file_name("trail.jsonl")).unwrap();
    assert!(
        trail.contains("secret.put") && !trail.contains("s3cret"),
        "{trail}"
    );
    assert!(trail.contains("audit.download"), "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended() {
    let system = system().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let mut viewer = system.signed_in(&["Viewer"]).await;

    let listed = script.run(&["sessions", "list"]);
    let revoked = script.run(&["sessions", "revoke", "Viewer"]);

    assert!(
        listed.stdout.contains("Viewer, Ann Archer, Viewer"),
        "{listed:?}"
    );
    assert_eq!(
        revoked.stdout, "1 sessions of Viewer ended\n",
        "{revoked:?}"
    );
    assert_eq!(viewer.get("/api/v1/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_does_not_do_is_said() {
    let system = system().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    put(&system, &script);
    let file = system.folder.path().join("connector.toml");
    let file = file.to_str().unwrap();

    let archive = script.run(&["archive", file]);
    let verify = script.run(&["verify", "1", "-c", NAME]);
    let seals = script.run(&["seals", "--to", "seals", "-c", NAME]);

    archive.assert_refused("chatkeep connectors run");
    verify.assert_refused("a server does not do this");
    seals.assert_refused("a server does not do this");
}
