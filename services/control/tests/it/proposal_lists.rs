//! Lists of changes that have to be approved.

use chatkeep_proto::v1::ListProposalsRequest;
use prost::Message as _;

use crate::{
    lab::{CONNECTOR, Lab},
    proposals::{open, proposal, propose, withdraw},
    store,
};

async fn listed(lab: &Lab, request: ListProposalsRequest) -> (Vec<i64>, i64) {
    let page = lab.control.clone().list_proposals(request).await;
    let page = page.unwrap().into_inner();
    assert!(page.is_required);
    let numbers = page.proposals.iter().map(|one| one.proposal);
    (numbers.collect(), page.next)
}

#[tokio::test]
async fn proposals_are_listed_page_by_page_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let mut all = Vec::new();
    for person in ["ann", "bob", "cid"] {
        all.push(propose(&lab, person, CONNECTOR).await);
    }
    withdraw(&lab, "cid", all[2]).await.unwrap();

    let request = ListProposalsRequest {
        limit: 2,
        ..ListProposalsRequest::default()
    };
    let first = listed(&lab, request.clone()).await;
    let before = ListProposalsRequest {
        before: first.1,
        ..request
    };
    let second = listed(&lab, before).await;
    let waiting = ListProposalsRequest {
        waiting: true,
        connector: "contoso".to_owned(),
        ..ListProposalsRequest::default()
    };
    let waiting = listed(&lab, waiting).await;
    let foreign = ListProposalsRequest {
        connector: "other".to_owned(),
        ..ListProposalsRequest::default()
    };

    assert_eq!(first, (vec![all[2], all[1]], all[1]));
    assert_eq!(second, (vec![all[0]], 0));
    assert_eq!(waiting, (vec![all[1], all[0]], 0));
    assert_eq!(listed(&lab, foreign).await, (vec![], 0));
    lab.stop().await;
}

#[tokio::test]
async fn a_page_of_large_proposals_fits_into_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let path = format!("/{}.csv", "d".repeat(1_500_000));
    let file = CONNECTOR.replace("/directory.csv", &path);
    let mut all = Vec::new();
    for person in ["cid", "bob", "ann"] {
        all.insert(0, propose(&lab, person, &file).await);
    }

    let request = ListProposalsRequest::default();
    let page = lab.control.clone().list_proposals(request).await;

    let page = page.unwrap().into_inner().proposals;
    let numbers: Vec<_> = page.iter().map(|one| one.proposal).collect();
    assert_eq!(numbers, all);
    assert!(page.iter().all(|one| one.changes.is_empty()));
    assert!(page.iter().all(|one| one.connector_file.is_empty()));
    let one = proposal(&lab, all[0]).await;
    let mut changes = one.changes.iter();
    let change = changes.find(|change| change.key == "directory.path");
    assert_eq!(change.unwrap().after.as_ref(), Some(&path));
    lab.stop().await;
}

#[tokio::test]
async fn a_page_of_proposals_about_which_much_is_said_ends_before_it_is_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let first = propose(&lab, "ann", CONNECTOR).await;
    // The longest that may be said, four bytes a character, by both.
    let words = "\u{1f4ac}".repeat(2_000);
    let many = format!(
        "INSERT INTO proposals (connector, name, kind, state, base, file, scheduled, max_part_bytes, changes, \
         subject, subject_name, proposed, expires, reason, decider, decider_name, decided, decision) \
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 299) \
         SELECT connector, name, kind, 3, base, file, scheduled, max_part_bytes, changes, subject, subject_name, \
         proposed, expires, '{words}', 'bob', '', proposed, '{words}' FROM n, proposals"
    );
    store::change(folder.path(), &many);

    let mut request = ListProposalsRequest {
        limit: 500,
        ..ListProposalsRequest::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = lab.control.clone().list_proposals(request.clone()).await;
        let page = page.unwrap().into_inner();
        assert!(page.encoded_len() <= (1 << 20) + 100);
        seen.extend(page.proposals.iter().map(|one| one.proposal));
        request.before = page.next;
        if page.next == 0 {
            break;
        }
    }

    let all: Vec<_> = (first..first + 300).rev().collect();
    assert_eq!(seen, all);
    lab.stop().await;
}
