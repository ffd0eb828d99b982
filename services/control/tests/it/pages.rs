//! Long lists as administrators turn their pages: runs, exceptions, a user's items.

use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    DeliveryState, ExceptionKind, FindItemsRequest, FindItemsResponse, ListExceptionsRequest,
    ListExceptionsResponse, ListHeldRequest, ListHeldResponse, ListRunsRequest, ListRunsResponse,
    Placement, ReportRequest, RunState, TraceItemRequest, TraceItemResponse,
    exception::Exception as Kind,
};
use tonic::{Code, Status};

use crate::{
    lab::Lab,
    world::{World, conversation, item, item_id},
};

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";
const NOBODY: &str = "nobody@contoso.com";
const ERIK: &str = "erik@fabrikam.com";

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
async fn archive(lab: &Lab, people: &[&'static str], count: u32) {
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

async fn exceptions(
    lab: &Lab,
    kind: ExceptionKind,
    page: &str,
    limit: u32,
) -> Result<ListExceptionsResponse, Status> {
    let request = ListExceptionsRequest {
        connector: "contoso".to_owned(),
        number: 1,
        kind: kind.into(),
        page: page.to_owned(),
        limit,
    };
    let listed = lab.control.clone().list_exceptions(request).await?;
    Ok(listed.into_inner())
}

async fn all(lab: &Lab, kind: ExceptionKind, limit: u32) -> Vec<Kind> {
    let (mut all, mut page) = (Vec::new(), String::new());
    loop {
        let listed = exceptions(lab, kind, &page, limit).await.unwrap();
        assert!(listed.exceptions.len() <= limit as usize);
        all.extend(listed.exceptions.into_iter().filter_map(|it| it.exception));
        if listed.next.is_empty() {
            return all;
        }
        page = listed.next;
    }
}

/// A run with two failed deliveries, two held users, one external and a quarantined file.
async fn exceptional(lab: &Lab) -> i64 {
    let mut unreadable = conversation(3, &[ANN]);
    unreadable.unreadable = Some("not an e-mail");
    let mut world = World::of(vec![
        conversation(1, &[ANN, BOB, NOBODY, ERIK]),
        conversation(2, &[ANN, BOB, "noone@contoso.com"]),
        unreadable,
    ]);
    world
        .mailboxes
        .insert(BOB, (DeliveryState::Failed, "quota"));
    let run = lab.open_run().await.run;
    let state = world.drive(lab, run).await;
    assert_eq!(state, RunState::SucceededWithExceptions);
    run
}

#[tokio::test]
async fn exceptions_of_one_kind_are_turned_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = exceptional(&lab).await;

    for limit in [1, 2, 500] {
        let failed = all(&lab, ExceptionKind::Failed, limit).await;
        assert_eq!(failed.len(), 2);
        assert!(failed.iter().all(|it| matches!(it, Kind::Failed(_))));
        let held = all(&lab, ExceptionKind::Held, limit).await;
        let users = held.iter().map(|it| match it {
            Kind::Held(user) => &*user.source_user,
            other => panic!("{other:?}"),
        });
        assert_eq!(users.collect::<Vec<_>>(), [NOBODY, "noone@contoso.com"]);
        assert_eq!(all(&lab, ExceptionKind::Quarantined, limit).await.len(), 1);
        assert_eq!(all(&lab, ExceptionKind::External, limit).await.len(), 1);
        assert_eq!(all(&lab, ExceptionKind::Excluded, limit).await.len(), 0);
    }
    let streamed = lab.exceptions(run).await;
    let streamed: Vec<_> = streamed.into_iter().filter_map(|it| it.exception).collect();
    assert_eq!(all(&lab, ExceptionKind::Unspecified, 1).await, streamed);
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

#[tokio::test]
async fn a_page_of_exceptions_that_ends_with_the_last_one_leads_to_no_further_page() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    exceptional(&lab).await;

    let kinds = [(ExceptionKind::Failed, 2), (ExceptionKind::Held, 2)];
    let kinds = [
        (ExceptionKind::Quarantined, 1),
        (ExceptionKind::External, 1),
    ]
    .iter()
    .chain(&kinds);
    for &(kind, count) in kinds {
        let listed = exceptions(&lab, kind, "", count).await.unwrap();
        assert_eq!(listed.exceptions.len(), count as usize, "{kind:?}");
        assert_eq!(listed.next, "", "{kind:?}");
    }
    let (mut page, mut turned) = (String::new(), 0);
    loop {
        let listed = exceptions(&lab, ExceptionKind::Unspecified, &page, 1)
            .await
            .unwrap();
        assert_eq!(listed.exceptions.len(), 1);
        turned += 1;
        if listed.next.is_empty() {
            break;
        }
        page = listed.next;
    }
    assert_eq!(turned, 6);
    lab.stop().await;
}

#[tokio::test]
async fn a_page_that_nobody_gave_out_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    exceptional(&lab).await;

    let refused = exceptions(&lab, ExceptionKind::Failed, "failed.x", 1).await;

    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    lab.stop().await;
}

/// A page of a user's items whose numbers are in a range.
async fn find(lab: &Lab, user: &str, range: (i64, i64), page: &str) -> FindItemsResponse {
    let date = |number: i64| item(0).date + number;
    let request = FindItemsRequest {
        user: user.to_owned(),
        from: date(range.0),
        to: date(range.1),
        page: page.to_owned(),
        limit: 2,
        ..FindItemsRequest::default()
    };
    let found = lab.control.clone().find_items(request).await;
    found.unwrap().into_inner()
}

fn found(page: &FindItemsResponse) -> Vec<i64> {
    let dates = page.items.iter().map(|one| one.date - item(0).date);
    dates.collect()
}

#[tokio::test]
async fn a_users_items_are_found_by_time_with_what_became_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of((0..5).map(|it| conversation(it, &[ANN, ERIK])).collect());
    world.conversations.push(conversation(5, &[BOB, NOBODY]));
    world
        .mailboxes
        .insert(BOB, (DeliveryState::Failed, "quota"));
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;

    let first = find(&lab, "Ann@Contoso.com", (1, 9), "").await;
    let second = find(&lab, ANN, (1, 9), &first.next).await;
    let bobs = find(&lab, BOB, (0, 9), "").await;
    let held = find(&lab, NOBODY, (0, 9), "").await;
    let external = find(&lab, ERIK, (4, 9), "").await;
    let before = find(&lab, BOB, (0, 5), "").await;

    assert_eq!(found(&first), [1, 2]);
    assert_eq!(found(&second), [3, 4]);
    let third = find(&lab, ANN, (1, 9), &second.next).await;
    assert_eq!((found(&third), third.next), (Vec::new(), String::new()));
    let copy = bobs.items[0].copy.clone().unwrap();
    assert_eq!(
        (copy.state(), &*copy.reason),
        (DeliveryState::Failed, "quota")
    );
    assert_eq!(
        (&*bobs.items[0].connector, bobs.items[0].run_number),
        ("contoso", 1)
    );
    assert_eq!(bobs.items[0].item, item_id(5));
    assert_eq!(
        held.items[0].copy.clone().unwrap().placement(),
        Placement::Held
    );
    let copy = external.items[0].copy.clone().unwrap();
    assert_eq!(copy.placement(), Placement::External);
    assert_eq!(found(&before), Vec::<i64>::new());
    lab.stop().await;
}

#[tokio::test]
async fn an_item_that_was_held_at_first_is_found_by_the_mailbox_it_went_to() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![conversation(1, &[ANN, NOBODY])]);
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    world.directory.insert(NOBODY, "late@contoso.com");
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;

    let late = find(&lab, "late@contoso.com", (0, 9), "").await;

    assert_eq!(found(&late), [1]);
    let copy = late.items[0].copy.clone().unwrap();
    assert_eq!(
        (copy.placement(), copy.state()),
        (Placement::Mapped, DeliveryState::Imported)
    );
    lab.stop().await;
}

#[tokio::test]
async fn items_of_another_connector_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    archive(&lab, &[ANN], 1).await;
    let request = |connector: &str| FindItemsRequest {
        user: ANN.to_owned(),
        to: i64::MAX,
        connector: connector.to_owned(),
        ..FindItemsRequest::default()
    };

    for (connector, count) in [("contoso", 1), ("fabrikam", 0)] {
        let found = lab.control.clone().find_items(request(connector)).await;
        assert_eq!(found.unwrap().into_inner().items.len(), count);
    }
    let nobody = FindItemsRequest::default();
    let nobody = lab.control.clone().find_items(nobody).await;
    assert_eq!(nobody.unwrap_err().code(), Code::InvalidArgument);
    lab.stop().await;
}

async fn trace(lab: &Lab, request: TraceItemRequest) -> Result<TraceItemResponse, Status> {
    let traced = lab.control.clone().trace_item(request).await?;
    Ok(traced.into_inner())
}

#[tokio::test]
async fn an_item_is_found_by_its_message_id_as_it_stands_in_a_mail() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    archive(&lab, &[ANN], 2).await;
    let id = ItemId::from_slice(&item_id(1)).unwrap();
    let by_id = TraceItemRequest {
        item: item_id(1).into(),
        ..TraceItemRequest::default()
    };
    let by_id = trace(&lab, by_id).await.unwrap();
    let plain = id.message_id(1, "contoso.com");

    for message_id in [format!("<{}>", plain.trim_matches(['<', '>'])), plain] {
        for date in [None, Some(item(1).date)] {
            let request = TraceItemRequest {
                message_id: message_id.clone(),
                date,
                ..TraceItemRequest::default()
            };
            assert_eq!(trace(&lab, request).await.unwrap(), by_id, "{message_id}");
        }
    }
    let other_day = TraceItemRequest {
        item: item_id(1).into(),
        date: Some(0),
        ..TraceItemRequest::default()
    };
    let other_day = trace(&lab, other_day).await.unwrap_err();
    assert_eq!(other_day.code(), Code::NotFound);
    let no_id = TraceItemRequest {
        message_id: "hello@contoso.com".to_owned(),
        ..TraceItemRequest::default()
    };
    let no_id = trace(&lab, no_id).await.unwrap_err();
    assert_eq!(no_id.code(), Code::InvalidArgument);
    lab.stop().await;
}
