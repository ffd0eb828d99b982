//! Items as they are found: a user's by time, and one by its Message-ID.

use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    DeliveryState, FindItemsRequest, FindItemsResponse, Placement, TraceItemRequest,
    TraceItemResponse,
};
use tonic::{Code, Status};

use crate::{
    lab::Lab,
    pages::archive,
    world::{World, conversation, item, item_id},
};

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";
const NOBODY: &str = "nobody@contoso.com";
const ERIK: &str = "erik@fabrikam.com";

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
