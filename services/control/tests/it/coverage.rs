//! What a report says about whom and what it covers.

use std::collections::BTreeMap;

use chatkeep_proto::v1::{
    Finding, Refreshed, RunState, TaskKind, complete_request::Result as Outcome, exception,
};
use chatkeep_staging::BlobKind;

use crate::{
    lab::{CONNECTOR, Lab},
    world::{World, conversation},
};

const SNAPSHOT: &str = "userPrincipalName,mail,proxyAddresses,sipAddress\n\
    ann@contoso.com,ann@contoso.com,,ann@contoso.com\n\
    bob@contoso.com,bob@contoso.com,sip:robert@contoso.com,bob@contoso.com\n\
    cid@contoso.com,cid@contoso.com,,cid@contoso.com\n\
    fax@contoso.com,fax@contoso.com,,\n";

/// Archives with this as the directory's snapshot.
async fn archive(lab: &Lab, world: &World, snapshot: &str) -> RunState {
    archive_as(lab, world, (CONNECTOR, snapshot)).await.1
}

/// The same of another connector file; returns the run, too.
async fn archive_as(lab: &Lab, world: &World, (file, snapshot): (&str, &str)) -> (i64, RunState) {
    let run = lab.try_open(file).await.unwrap().run;
    let refresh = lab.next("mapping").await;
    assert_eq!(refresh.kind(), TaskKind::Refresh);
    let stored = lab.staging.put(BlobKind::Directory, snapshot.to_owned());
    let refreshed = Refreshed {
        directory: Some(stored.await.unwrap()),
        ..Refreshed::default()
    };
    lab.complete(&refresh, Outcome::Refreshed(refreshed), Vec::new())
        .await;
    (run, world.drive(lab, run).await)
}

#[tokio::test]
async fn users_are_seen_who_take_part_in_an_item_under_any_address() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![
        conversation(1, &["ann@contoso.com", "robert@contoso.com"]),
        conversation(2, &["ann@contoso.com", "eve@fabrikam.com"]),
    ]);
    world.directory = BTreeMap::from([
        ("ann@contoso.com", "ann@contoso.com"),
        ("robert@contoso.com", "bob@contoso.com"),
    ]);

    let state = archive(&lab, &world, SNAPSHOT).await;

    assert_eq!(state, RunState::Succeeded);
    let report = lab.report(1).await;
    let coverage = report.coverage.unwrap();
    let people = coverage.people.unwrap();
    assert_eq!((people.users, people.enabled, people.seen), (4, 3, 2));
    let [source] = &coverage.sources[..] else {
        panic!("{:?}", coverage.sources)
    };
    assert_eq!((source.source, source.records), (1, 2));
    assert_eq!(report.findings, 0);
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_read_keeps_no_run_from_closing() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(vec![conversation(
        1,
        &["ann@contoso.com", "bob@contoso.com"],
    )]);

    let state = archive(&lab, &world, "no,snapshot\n").await;

    assert_eq!(state, RunState::Succeeded);
    let coverage = lab.report(1).await.coverage.unwrap();
    assert_eq!(coverage.people, None);
    assert_eq!(coverage.sources.len(), 1);
}

/// Archives runs of these participants, one after the other; returns what each told of users who are not
/// seen any more.
async fn told_of_unseen(file: &str, runs: &[&[&'static str]]) -> Vec<Vec<Finding>> {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(Vec::new());
    let mut told = Vec::new();
    for (number, participants) in (1..).zip(runs) {
        world.conversations.push(conversation(number, participants));
        let (run, state) = archive_as(&lab, &world, (file, SNAPSHOT)).await;
        assert_eq!(state, RunState::Succeeded);
        let found = lab.exceptions(run).await.into_iter();
        let found = found.filter_map(|one| match one.exception? {
            exception::Exception::Finding(finding) => Some(finding),
            _ => None,
        });
        let found = found.filter(|finding| finding.kind == "unseen-users");
        told.push(found.collect());
    }
    told
}

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";
const CID: &str = "cid@contoso.com";

#[tokio::test]
async fn users_who_were_in_the_archive_and_in_none_of_so_many_runs_are_told() {
    let file = format!("{CONNECTOR}\n[coverage]\nunseen_runs = 2\n");
    let runs: [&[&str]; 4] = [&[ANN, BOB, CID], &[ANN, BOB], &[ANN, BOB], &[ANN, CID]];

    let told = told_of_unseen(&file, &runs).await;

    let counts: Vec<_> = told.iter().map(Vec::len).collect();
    assert_eq!(counts, [0, 0, 1, 0]);
    let finding = &told[2][0];
    assert_eq!(
        finding.subject,
        "in none of the last 2 runs: cid@contoso.com"
    );
    assert_eq!((finding.expected, finding.seen), (Some(3), Some(2)));
}

#[tokio::test]
async fn nobody_is_told_before_there_were_enough_runs_or_where_nobody_is_to_be() {
    let runs: [&[&str]; 4] = [&[ANN, BOB, CID], &[ANN, BOB], &[ANN, BOB], &[ANN, BOB]];

    let by_default = told_of_unseen(CONNECTOR, &runs).await;
    let never = format!("{CONNECTOR}\n[coverage]\nunseen_runs = 0\n");
    let never = told_of_unseen(&never, &runs).await;

    assert!(by_default.concat().is_empty());
    assert!(never.concat().is_empty());
}
