//! What becomes of a message that is made. The evidence: `GraphExchangeSession` of
//! `DavMail` and its pull request 517 (2026), microsoft-graph-docs-contrib issue 2790, [MS-OXCMSG] 2.2.1.6.

use chatkeep_microsoft365::Request;
use chatkeep_testkit::graph::StoredMessage;
use http::Method;
use serde_json::{Value, json};

use crate::support::{ANN, World, message};

/// 2019-03-04T10:00:00Z.
const RECEIVED: i64 = 1_551_693_600;

async fn stored(body: &Value) -> StoredMessage {
    let world = World::start().await;
    world.create(body).await.unwrap();
    world.tenant.messages(ANN).remove(0)
}

fn without(property: &str) -> Value {
    let mut body = message("<1@contoso.com>");
    let properties = body["singleValueExtendedProperties"]
        .as_array_mut()
        .unwrap();
    properties.retain(|one| one["id"] != property);
    body
}

#[tokio::test]
async fn a_message_with_flags_at_its_creation_is_no_draft() {
    let stored = stored(&message("<1@contoso.com>")).await;

    assert!(!stored.is_draft);
    assert!(stored.is_read);
    assert_eq!(stored.folder, "Inbox");
    assert_eq!(stored.message_id, "<1@contoso.com>");
}

#[tokio::test]
async fn a_message_without_flags_is_a_draft() {
    assert!(stored(&without("Integer 0x0E07")).await.is_draft);
}

#[tokio::test]
async fn flags_without_the_read_bit_leave_it_unread_whatever_is_read_says() {
    let mut body = without("Integer 0x0E07");
    let properties = body["singleValueExtendedProperties"]
        .as_array_mut()
        .unwrap();
    properties.push(json!({ "id": "Integer 0x0E07", "value": "4" }));

    let stored = stored(&body).await;

    assert!(!stored.is_draft);
    assert!(!stored.is_read);
}

#[tokio::test]
async fn a_draft_stays_one_whatever_is_changed_later() {
    let world = World::start().await;
    let made = world.create(&without("Integer 0x0E07")).await.unwrap();
    let path = format!("users/{ANN}/messages/{}", made["id"].as_str().unwrap());
    let flags =
        json!({ "singleValueExtendedProperties": [{ "id": "Integer 0x0E07", "value": "1" }] });

    let mut change = Request::post(path, &flags).unwrap();
    change.method = Method::PATCH;
    world.graph.send(change).await.unwrap();

    assert!(world.tenant.messages(ANN)[0].is_draft);
}

#[tokio::test]
async fn the_received_date_comes_from_the_mapi_property_and_not_from_json() {
    let mut with = message("<1@contoso.com>");
    with["receivedDateTime"] = "2001-01-01T00:00:00Z".into();
    with["sentDateTime"] = "2001-01-01T00:00:00Z".into();
    let mut without = without("SystemTime 0x0E06");
    without["receivedDateTime"] = "2001-01-01T00:00:00Z".into();

    let (with, without) = (stored(&with).await, stored(&without).await);

    assert_eq!((with.received, with.sent), (RECEIVED, RECEIVED - 60));
    assert!(
        without.received > RECEIVED + 86_400,
        "the time of the import"
    );
}

#[tokio::test]
async fn the_class_comes_from_the_mapi_property() {
    let mut body = message("<1@contoso.com>");
    let properties = body["singleValueExtendedProperties"]
        .as_array_mut()
        .unwrap();
    properties.push(json!({ "id": "String 0x001A", "value": "IPM.Note.Other" }));

    assert_eq!(stored(&body).await.class, "IPM.Note.Other");
    assert_eq!(stored(&message("<1@contoso.com>")).await.class, "IPM.Note");
}

#[tokio::test]
async fn only_headers_of_ones_own_are_taken() {
    let world = World::start().await;
    let with = |name: &str| {
        let mut body = message("<1@contoso.com>");
        body["internetMessageHeaders"] = json!([{ "name": name, "value": "v" }]);
        body
    };

    let own = world.create(&with("x-chatkeep-kind")).await;
    let other = world.create(&with("References")).await.unwrap_err();

    assert!(own.is_ok());
    assert_eq!(other.code(), Some("InvalidInternetMessageHeader"));
}

#[tokio::test]
async fn a_body_over_four_megabytes_is_refused() {
    let world = World::start().await;
    let mut body = message("<1@contoso.com>");
    body["body"]["content"] = "x".repeat(4 << 20).into();

    let refused = world.create(&body).await.unwrap_err();

    assert!(refused.to_string().contains("413"), "{refused}");
}

#[tokio::test]
async fn mime_is_made_anew_from_what_is_stored() {
    let world = World::start().await;
    let mut body = message("<1@contoso.com>");
    body["attachments"] = json!([{
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "plan.txt", "contentType": "text/plain", "contentBytes": "aGVsbG8=",
    }]);
    let made = world.create(&body).await.unwrap();
    let path = format!(
        "users/{ANN}/messages/{}/$value",
        made["id"].as_str().unwrap()
    );

    let mime = world.graph.send(Request::get(path)).await.unwrap();

    let mime = String::from_utf8(mime.body.to_vec()).unwrap();
    assert!(mime.contains("Message-ID: <1@contoso.com>\r\n"), "{mime}");
    assert!(mime.contains("Date: Mon, 4 Mar 2019 09:59:00"), "{mime}");
    assert!(mime.contains("aGVsbG8="), "{mime}");
}
