//! Exceptions of a run, page by page.

use chatkeep_proto::v1::{
    DeliveryState, ExceptionKind, ListExceptionsRequest, ListExceptionsResponse, RunState,
    exception::Exception as Kind,
};
use tonic::{Code, Status};

use crate::{
    lab::Lab,
    world::{World, conversation},
};

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";
const NOBODY: &str = "nobody@contoso.com";
const ERIK: &str = "erik@fabrikam.com";

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
