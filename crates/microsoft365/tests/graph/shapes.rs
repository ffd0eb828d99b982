//! Every body that the tenant takes or sends has the shape that Microsoft publishes
//! (`crates/testkit/fixtures/graph/schema.json`).

use std::collections::BTreeSet;

use bytes::Bytes;
use chatkeep_microsoft365::Request;
use chatkeep_runtime::secret::Secret;
use chatkeep_testkit::graph::{Fault, Kind, Options, Person, Recorded};
use http::Method;
use serde_json::{Value, json};

use crate::support::{ANN, World, message};

const SCHEMA: &str = include_str!("../../../testkit/fixtures/graph/schema.json");

/// The resource in a body, and whether the body is a page of them.
fn shape(recorded: &Recorded) -> Option<(&'static str, bool)> {
    Some(match (recorded.kind, recorded.is_request) {
        (Kind::Users | Kind::Delta, false) => ("user", true),
        (Kind::User, false) => ("user", false),
        (Kind::ListFolders, false) => ("mailFolder", true),
        (Kind::GetFolder, false) | (Kind::CreateFolder, _) => ("mailFolder", false),
        (Kind::ListMessages, false) => ("message", true),
        (Kind::GetMessage, false) | (Kind::CreateMessage | Kind::UpdateMessage, _) => {
            ("message", false)
        }
        (Kind::ListAttachments, false) => ("fileAttachment", true),
        (Kind::CreateAttachment, _) => ("fileAttachment", false),
        (Kind::CreateUploadSession | Kind::Upload, false) => ("uploadSession", false),
        (Kind::CreateUploadSession, true) => ("attachmentItem", false),
        _ => return None,
    })
}

fn schema(name: &str) -> Value {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["$ref"] = format!("#/$defs/{name}").into();
    schema
}

/// An error, as the reference shows it ("Microsoft Graph error responses and resource types").
fn error_schema() -> Value {
    json!({
        "type": "object", "required": ["error"], "additionalProperties": false,
        "properties": { "error": {
            "type": "object", "required": ["code", "message"], "additionalProperties": false,
            "properties": {
                "code": { "type": "string" }, "message": { "type": "string" },
                "innerError": { "type": "object" },
            },
        } },
    })
}

/// What is wrong with a body.
fn flaws(recorded: &Recorded) -> Vec<String> {
    let of = |schema: &Value, body: &Value| {
        let validator = jsonschema::validator_for(schema).unwrap();
        let errors = validator.iter_errors(body);
        errors.map(|error| error.to_string()).collect::<Vec<_>>()
    };
    if recorded.status >= 400 {
        return of(&error_schema(), &recorded.body);
    }
    match shape(recorded) {
        None => Vec::new(),
        Some((name, false)) => {
            let body = recorded.body.get("AttachmentItem");
            of(&schema(name), body.unwrap_or(&recorded.body))
        }
        Some((name, true)) => {
            let schema = schema(name);
            let page = recorded.body["value"].as_array().unwrap();
            page.iter().flat_map(|one| of(&schema, one)).collect()
        }
    }
}

/// Asks for everything there is, with and without success.
async fn ask_for_everything(world: &World) {
    world.tenant.add(Person::without_mailbox("eve@contoso.com"));
    world
        .tenant
        .add(Person::guest("kim@fabrikam.com", "contoso.com"));
    world
        .get("users?$select=id,mail,proxyAddresses,imAddresses,userType")
        .await
        .unwrap();
    world.get(&format!("users/{ANN}")).await.unwrap();
    let everybody = world
        .get("users/delta?$select=mail,accountEnabled")
        .await
        .unwrap();
    world.tenant.remove("eve@contoso.com", false);
    world.tenant.change(ANN, |ann| ann.mail = None);
    let changes = everybody["@odata.deltaLink"].as_str().unwrap();
    world.get(changes).await.unwrap();
    world.get("users/nobody@contoso.com").await.unwrap_err();

    let folder = world.folder("Skype for Business").await;
    let folder = format!("users/{ANN}/mailFolders/{folder}");
    world.get(&folder).await.unwrap();
    world
        .get(&format!("users/{ANN}/mailFolders/inbox/childFolders"))
        .await
        .unwrap();
    let mut body = message("<1@contoso.com>");
    body["internetMessageHeaders"] = json!([{ "name": "x-a", "value": "b" }]);
    body["attachments"] = json!([{
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "a", "contentType": "text/plain", "contentBytes": "aGVsbG8=",
    }]);
    let made = world
        .post(&format!("{folder}/messages"), &body)
        .await
        .unwrap();
    let path = format!("users/{ANN}/messages/{}", made["id"].as_str().unwrap());
    let expand = "$expand=singleValueExtendedProperties($filter=id%20eq%20'Integer%200xe07')";
    world
        .get(&format!("{folder}/messages?{expand}"))
        .await
        .unwrap();
    world.get(&path).await.unwrap();
    world.get(&format!("{path}/attachments")).await.unwrap();
    world
        .post(&format!("{path}/attachments"), &body["attachments"][0])
        .await
        .unwrap();
    upload(world, &path).await;
    let mut change = Request::post(path, &json!({ "isRead": false })).unwrap();
    change.method = Method::PATCH;
    world.graph.send(change).await.unwrap();
    let fault = Fault::Fail {
        status: 429,
        after: None,
    };
    world.tenant.faults().at(Kind::GetMessage, 1, fault);
    world
        .get(&format!("users/{ANN}/messages/x"))
        .await
        .unwrap_err();
}

async fn upload(world: &World, path: &str) {
    let size = 4 << 20;
    let file = json!({ "attachmentType": "file", "name": "b", "size": size });
    let file = json!({ "AttachmentItem": file });
    let session = world
        .post(&format!("{path}/attachments/createUploadSession"), &file)
        .await;
    let session = session.unwrap()["uploadUrl"].as_str().unwrap().to_owned();
    let session = Secret::new(session);
    let half = Bytes::from(vec![1; size / 2]);
    let total = size as u64;
    world
        .graph
        .upload(&session, 0, total, half.clone())
        .await
        .unwrap();
    world
        .graph
        .upload(&session, total / 2, total, half)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_body_has_its_published_shape() {
    let world = World::with(Options {
        records_bodies: true,
        ..Options::default()
    })
    .await;

    ask_for_everything(&world).await;

    let recorded = world.tenant.recorded();
    let flawed: Vec<_> = recorded
        .iter()
        .map(|recorded| (recorded.kind, flaws(recorded)))
        .filter(|(_, flaws)| !flaws.is_empty())
        .collect();
    assert!(flawed.is_empty(), "{flawed:#?}");
    let checked = recorded.iter().filter(|one| shape(one).is_some());
    let checked: BTreeSet<_> = checked.map(|one| one.kind).collect();
    assert_eq!(checked.len(), 14, "{checked:?}");
    assert!(recorded.iter().any(|one| one.status == 429));
}

#[test]
fn a_body_with_a_property_that_graph_does_not_have_is_found() {
    let recorded = Recorded {
        kind: Kind::CreateMessage,
        is_request: true,
        status: 0,
        body: json!({ "subject": "x", "receivedTime": "2019-03-04T10:00:00Z" }),
    };

    assert_eq!(flaws(&recorded).len(), 1);
}
