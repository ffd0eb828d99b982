//! What a report says about whom and what it covers.

use std::collections::BTreeMap;

use chatkeep_proto::v1::{Refreshed, RunState, TaskKind, complete_request::Result as Outcome};
use chatkeep_staging::BlobKind;

use crate::{
    lab::Lab,
    world::{World, conversation},
};

const SNAPSHOT: &str = "userPrincipalName,mail,proxyAddresses,sipAddress\n\
    ann@contoso.com,ann@contoso.com,,ann@contoso.com\n\
    bob@contoso.com,bob@contoso.com,sip:robert@contoso.com,bob@contoso.com\n\
    cid@contoso.com,cid@contoso.com,,cid@contoso.com\n\
    fax@contoso.com,fax@contoso.com,,\n";

/// Archives with this as the directory's snapshot.
async fn archive(lab: &Lab, world: &World, snapshot: &str) -> RunState {
    let run = lab.open_run().await.run;
    let refresh = lab.next("mapping").await;
    assert_eq!(refresh.kind(), TaskKind::Refresh);
    let stored = lab.staging.put(BlobKind::Directory, snapshot.to_owned());
    let refreshed = Refreshed {
        directory: Some(stored.await.unwrap()),
        ..Refreshed::default()
    };
    lab.complete(&refresh, Outcome::Refreshed(refreshed), Vec::new())
        .await;
    world.drive(lab, run).await
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
