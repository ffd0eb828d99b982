//! Long lists as administrators turn their pages: runs, and who waits for a mailbox.

use chatkeep_proto::v1::{
    DeliveryState, ListHeldRequest, ListHeldResponse, ListRunsRequest, ListRunsResponse,
    ReportRequest, RunState,
};

use crate::{
    lab::Lab,
    world::{World, conversation},
};

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";
const NOBODY: &str = "nobody@contoso.com";

async fn runs(lab: &Lab, before: i64, brief: bool) -> ListRunsResponse {
    let request = ListRunsRequest {
        connector: "contoso".to_owned(),
        limit: 2,
        before,
        brief,
    };
    let listed = lab.control.clone().list_runs(request).await;
    listed.unwrap().into_inner()
}

fn numbers(listed: &ListRunsResponse) -> Vec<i64> {
    listed.runs.iter().map(|run| run.number).collect()
}

/// Archives conversations, one run for each.
pub(crate) async fn archive(lab: &Lab, people: &[&'static str], count: u32) {
    let mut world = World::of(Vec::new());
    world
        .mailboxes
        .insert(BOB, (DeliveryState::Failed, "quota"));
    for number in 0..count {
        world.conversations.push(conversation(number, people));
        let run = lab.open_run().await.run;
        world.drive(lab, run).await;
    }
}

#[tokio::test]
async fn runs_are_turned_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    archive(&lab, &[ANN], 5).await;

    let first = runs(&lab, 0, false).await;
    let second = runs(&lab, 4, false).await;
    let last = runs(&lab, 2, false).await;

    assert_eq!(numbers(&first), [5, 4]);
    assert_eq!(numbers(&second), [3, 2]);
    assert_eq!(numbers(&last), [1]);
    lab.stop().await;
}

#[tokio::test]
async fn a_brief_list_has_the_numbers_of_seals_and_none_of_open_runs() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    archive(&lab, &[ANN, BOB], 1).await;
    lab.open_run().await;

    let brief = runs(&lab, 0, true).await.runs;
    let full = runs(&lab, 0, false).await.runs;

    assert_eq!(brief[0].state(), RunState::Running);
    assert_eq!((brief[0].records, brief[0].deliveries), (None, None));
    assert_eq!(brief[1].records, full[1].records);
    assert_eq!(brief[1].deliveries, full[1].deliveries);
    assert_eq!(brief[1].deliveries.unwrap().failed, 1);
    lab.stop().await;
}

#[tokio::test]
async fn a_brief_report_says_of_a_sealed_run_what_its_rows_say_and_counts_those_of_an_open_one() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    archive(&lab, &[ANN, BOB], 1).await;
    lab.open_run().await;
    let report = async |number, brief| {
        let request = ReportRequest {
            connector: "contoso".to_owned(),
            number,
            brief,
        };
        let report = lab.control.clone().report(request).await;
        report.unwrap().into_inner()
    };

    let sealed = report(1, true).await;
    let open = report(2, true).await;

    assert_eq!(sealed, report(1, false).await);
    assert_eq!(sealed.deliveries.unwrap().failed, 1);
    assert!(sealed.coverage.is_some());
    assert_eq!(open, report(2, false).await);
    assert!(open.records.is_some());
    lab.stop().await;
}

async fn held(lab: &Lab, page: &str, limit: u32) -> ListHeldResponse {
    let request = ListHeldRequest {
        connector: "contoso".to_owned(),
        page: page.to_owned(),
        limit,
    };
    let listed = lab.control.clone().list_held(request).await;
    listed.unwrap().into_inner()
}

fn waiting(listed: &ListHeldResponse) -> Vec<(&str, u64)> {
    let users = listed.users.iter();
    users.map(|it| (&*it.source_user, it.items)).collect()
}

#[tokio::test]
async fn those_who_wait_are_listed_over_all_runs_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    archive(&lab, &[ANN, NOBODY, "noone@contoso.com"], 2).await;
    archive(&lab, &[ANN, "last@contoso.com"], 3).await;

    let all = held(&lab, "", 0).await;
    let first = held(&lab, "", 1).await;
    let second = held(&lab, &first.next, 2).await;

    let expected = [
        ("last@contoso.com", 1),
        (NOBODY, 2),
        ("noone@contoso.com", 2),
    ];
    assert_eq!(waiting(&all), expected);
    assert_eq!(waiting(&first), expected[..1]);
    assert_eq!(waiting(&second), expected[1..]);
    assert_eq!((&*all.next, &*second.next), ("", ""));
    lab.stop().await;
}
