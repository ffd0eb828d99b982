//! Connectors that control archives by itself, as an administrator keeps them.

use crate::{
    cluster::Cluster,
    running::Running,
    sandbox::{Outcome, Sandbox, session},
    servers::Servers,
    system::Form,
    work::{open_tasks, sessions, wait_until},
};

/// `TASK_KIND_LIST`.
const LIST: u32 = 2;
/// A hundred years after 1970 by the schedule below.
const NEXT: &str = "2069-12-07T01:00:00Z";

/// Ten sessions on a day in 2020; its schedule opens no run during a test.
fn long_past() -> Sandbox {
    let sandbox = Sandbox::new();
    for minute in 0..10 {
        let text = session(minute, &[("ann", "hello"), ("bob", "hi")]);
        let text = text.replace("14 Sep 2026", "14 Sep 2020");
        sandbox.write(&format!("exports/{minute}.eml"), text);
    }
    sandbox.edit_connector(
        "path = \"exports\"\n",
        "path = \"exports\"\nquiet = \"0s\"\n",
    );
    let schedule = "[schedule]\nevery = \"36500days\"\n\n[target]";
    sandbox.edit_connector("[target]", schedule);
    sandbox
}

fn cluster(sandbox: Sandbox) -> Cluster {
    Cluster::start(&Servers::shared(), Form::default(), sandbox)
}

fn succeed(cluster: &Cluster, arguments: &[&str]) -> String {
    let outcome = cluster.run(arguments);
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
    outcome.stdout
}

/// The columns of a table's first row.
fn first_row(table: &str) -> Vec<&str> {
    let row = table.lines().nth(1).unwrap_or_default();
    row.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

fn assert_refused(outcome: &Outcome, words: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(words), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_connector_that_was_put_is_listed_with_its_next_run_and_stands_still_while_it_is_paused() {
    let cluster = cluster(long_past());

    let put = succeed(&cluster, &["connectors", "put", "connector.toml"]);
    let again = succeed(
        &cluster,
        &["connectors", "put", "connector.toml", "--manual"],
    );
    let manual = succeed(&cluster, &["connectors", "list"]);
    succeed(&cluster, &["connectors", "put", "connector.toml"]);
    let scheduled = succeed(&cluster, &["connectors", "list"]);

    assert!(put.contains(&format!("added; next run {NEXT}")), "{put}");
    assert!(
        again.contains("replaced; no run is opened by itself"),
        "{again}"
    );
    assert_eq!(first_row(&manual)[2..], ["manual", "-", "-", "-", "0", "-"]);
    assert_eq!(
        first_row(&scheduled)[2..],
        ["scheduled", NEXT, "-", "-", "0", "-"]
    );
    let id = first_row(&scheduled)[1];
    succeed(&cluster, &["connectors", "pause", id]);
    let paused = succeed(&cluster, &["connectors", "list"]);
    assert_eq!(first_row(&paused)[2], "paused");
    let refused = cluster.run(&["archive", "connector.toml"]);
    assert_refused(&refused, "the connector is paused; resume it first");
    let resumed = succeed(&cluster, &["connectors", "resume", "Sandbox"]);
    assert!(resumed.contains("connector Sandbox goes on"), "{resumed}");
    succeed(&cluster, &["archive", "connector.toml"]);
    let archived = succeed(&cluster, &["connectors", "list"]);
    assert_eq!(first_row(&archived)[7], "1 succeeded");
}

/// The command that orders a backfill from 1 September 2020 on.
fn starting(to: &str) -> [&str; 7] {
    let from = "2020-09-01";
    ["backfill", "start", "Sandbox", "--from", from, "--to", to]
}

#[test]
fn days_long_past_are_archived_by_a_backfill_unless_it_is_cancelled() {
    let cluster = cluster(long_past());
    succeed(&cluster, &["connectors", "put", "connector.toml"]);
    let start = starting("2020-09-15");
    let list = || succeed(&cluster, &["backfill", "list", "Sandbox"]);

    // Nothing is begun of it while the connector is paused.
    succeed(&cluster, &["connectors", "pause", "Sandbox"]);
    succeed(&cluster, &start);
    let open = list();
    succeed(&cluster, &["backfill", "cancel", "Sandbox", "1"]);
    let cancelled = list();
    succeed(&cluster, &["connectors", "resume", "Sandbox"]);
    let ordered = succeed(&cluster, &start);

    let row = |id, covered, runs, archived, state| {
        let (from, to) = ("2020-09-01", "2020-09-15");
        [
            id, from, to, "oldest", "7", covered, runs, archived, "-", state,
        ]
    };
    let untouched = |state| row("1", "0 of 14", "0", "0", state);
    assert_eq!(first_row(&open)[..], untouched("open"));
    assert_eq!(first_row(&cancelled)[..], untouched("cancelled"));
    assert!(
        ordered.contains("backfill 2 of connector Sandbox"),
        "{ordered}"
    );
    wait_until("the backfill is finished", || {
        first_row(&list())[..] == row("2", "14 of 14", "2", "10", "finished")
    });
    assert_eq!(cluster.sandbox().mails("bob@contoso.com").len(), 10);
    let over = cluster.run(&["backfill", "cancel", "Sandbox", "2"]);
    assert_refused(&over, "the backfill has ended");
    let future = starting("2999-01-01");
    assert_refused(&cluster.run(&future), "to: is after the last midnight");
}

#[test]
fn a_cancelled_run_ends_and_what_it_did_not_capture_is_the_next_one_s() {
    let mut cluster = cluster(sessions(10));
    cluster.kill("ingestion");
    let archiving = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    wait_until("the run is to list", || open_tasks(&cluster, LIST) > 0);

    let cancelled = succeed(&cluster, &["cancel", "1"]);

    assert!(cancelled.contains("run 1: cancelled"), "{cancelled}");
    let (code, said) = archiving.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("what it did not capture is the next run's"),
        "{said}"
    );
    assert_refused(&cluster.run(&["cancel", "1"]), "the run has ended");
    cluster.start_again("ingestion");
    let rest = cluster.archive();
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert_eq!(rest.count("deliveries.imported"), 20);
}

#[test]
fn what_is_not_there_is_named() {
    let cluster = cluster(long_past());

    let unknown = cluster.run(&["connectors", "pause", "Contoso"]);
    let alone = cluster.sandbox().run(&["connectors", "list"]);

    assert_refused(&unknown, "no connector Contoso: `chatkeep connectors list`");
    assert_refused(
        &alone,
        "needs a control that keeps running: name it with --control",
    );
}
