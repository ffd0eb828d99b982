//! Files that are too large for one request ("attachment: createUploadSession").

use bytes::Bytes;
use chatkeep_microsoft365::GraphError;
use chatkeep_runtime::secret::Secret;
use serde_json::{Value, json};

use crate::support::{ANN, World, message};

const SIZE: usize = 5 << 20;
const RANGE: usize = 2 << 20;

async fn session(world: &World) -> Secret {
    let made = world.create(&message("<1@contoso.com>")).await.unwrap();
    let id = made["id"].as_str().unwrap();
    let path = format!("users/{ANN}/messages/{id}/attachments/createUploadSession");
    let file = json!({ "attachmentType": "file", "name": "plan.pdf", "size": SIZE });
    let session = world
        .post(&path, &json!({ "AttachmentItem": file }))
        .await
        .unwrap();
    Secret::new(session["uploadUrl"].as_str().unwrap())
}

#[tokio::test]
async fn a_file_arrives_in_ranges_and_is_there_with_the_last() {
    let world = World::start().await;
    let session = session(&world).await;
    let file = Bytes::from(vec![7_u8; SIZE]);

    let mut first = 0;
    while first < SIZE {
        let last = (first + RANGE).min(SIZE);
        let before = world.tenant.messages(ANN).remove(0).attachments;
        assert!(before.is_empty(), "nothing of it is there before the end");
        let range = file.slice(first..last);
        let sent = world
            .graph
            .upload(&session, first as u64, SIZE as u64, range)
            .await;
        sent.unwrap();
        first = last;
    }

    let stored = world.tenant.messages(ANN).remove(0).attachments;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].bytes, file);
}

#[tokio::test]
async fn a_range_out_of_order_is_refused() {
    let world = World::start().await;
    let session = session(&world).await;
    let range = Bytes::from(vec![7_u8; RANGE]);

    let sent = world
        .graph
        .upload(&session, RANGE as u64, SIZE as u64, range)
        .await;

    assert!(matches!(sent, Err(GraphError::Refused { status: 416, .. })));
}

#[tokio::test]
async fn an_answer_to_a_range_says_what_is_wanted_next() {
    let world = World::start().await;
    let session = session(&world).await;
    let range = Bytes::from(vec![7_u8; RANGE]);

    let sent = world.graph.upload(&session, 0, SIZE as u64, range).await;

    let answer: Value = sent.unwrap().json().unwrap();
    assert_eq!(answer["nextExpectedRanges"], json!([format!("{RANGE}-")]));
}
