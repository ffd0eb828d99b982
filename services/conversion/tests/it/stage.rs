//! The stage against real staging and a ledger that knows one run.

use std::sync::Arc;

use bytes::Bytes;
use chatkeep_conversion::Conversion;
use chatkeep_model::Conversation;
use chatkeep_pipeline::{Completion, LedgerClient, Stage as _};
use chatkeep_proto::v1::{self, TaskKind, complete_request::Result as Outcome};
use chatkeep_staging::{Blob, BlobKind, BlobRange, FrameReader, FrameWriter, ItemIndex, Staging};
use sha2::{Digest as _, Sha256};

use crate::{
    builder::{START, conversation, participant, said, with},
    ledger,
};

struct Bench {
    _folder: tempfile::TempDir,
    staging: Staging,
    ledger: LedgerClient,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::folder(folder.path()).unwrap();
        Self {
            _folder: folder,
            staging,
            ledger: ledger::with_run(65_536),
        }
    }

    async fn batch(&self, conversations: &[Conversation]) -> Blob {
        let mut writer = FrameWriter::new(Vec::new());
        for conversation in conversations {
            writer.push(conversation).unwrap();
        }
        self.staging
            .put(BlobKind::Batch, writer.into_inner())
            .await
            .unwrap()
    }

    async fn convert(&self, input: &Blob, first: u32, count: u32) -> Completion {
        let stage = Conversion::new(self.staging.clone(), self.ledger.clone());
        let task = v1::Task {
            kind: TaskKind::Convert.into(),
            run: 1,
            input: Some(input.clone()),
            first,
            count,
            ..v1::Task::default()
        };
        stage.process(task).await.unwrap()
    }
}

fn converted(completion: &Completion) -> &v1::Converted {
    match &completion.result {
        Outcome::Converted(converted) => converted,
        other => panic!("{other:?}"),
    }
}

fn several() -> Vec<Conversation> {
    let numbered = |n: u8| Conversation {
        id: chatkeep_model::ItemId::from_bytes([n; 32]),
        ..with(vec![said(0, 0, &format!("message {n}"))])
    };
    (0..4).map(numbered).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_a_batch_becomes_items_and_an_index() {
    let bench = Bench::new();
    let input = bench.batch(&several()).await;

    let completion = bench.convert(&input, 1, 2).await;

    let converted = converted(&completion);
    assert_eq!(converted.items.len(), 2);
    let blob = converted.blob.as_ref().unwrap();
    for (item, n) in converted.items.iter().zip([1_u8, 2]) {
        assert_eq!(item.id.as_ref(), [n; 32]);
        assert_eq!(
            (item.date, item.records, item.kind.as_str()),
            (START, 1, "p2p")
        );
        let [part] = item.parts.as_slice() else {
            panic!("{item:?}")
        };
        let bytes = read_part(&bench.staging, blob, part).await;
        assert_eq!(Sha256::digest(&bytes).as_slice(), part.sha256);
        assert!(String::from_utf8_lossy(&bytes).contains(&format!("message {n}")));
    }
    let [next] = completion.next.as_slice() else {
        panic!("{completion:?}")
    };
    assert_eq!((next.kind(), next.count), (TaskKind::Plan, 2));
    let index = bench
        .staging
        .get(next.input.as_ref().unwrap())
        .await
        .unwrap();
    let mut index = FrameReader::new(index.as_ref());
    let entry: ItemIndex = index.next().unwrap().unwrap();
    assert_eq!((entry.id.as_bytes(), entry.date), (&[1; 32], START));
    assert_eq!(entry.participants, conversation().participants);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_task_has_the_same_completion() {
    let bench = Bench::new();
    let input = bench.batch(&several()).await;

    assert_eq!(
        bench.convert(&input, 0, 0).await,
        bench.convert(&input, 0, 0).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_read_from_staging() {
    let bench = Bench::new();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let blob = bench
        .staging
        .put(BlobKind::Attachment, bytes.clone())
        .await
        .unwrap();
    let attachment = chatkeep_model::Attachment {
        name: "data.bin".to_owned(),
        media_type: String::new(),
        key: blob.key.clone(),
        sha256: blob.sha256.as_ref().try_into().unwrap(),
        size: blob.size,
    };
    let conversation = Conversation {
        attachments: vec![attachment],
        ..conversation()
    };
    let input = bench.batch(&[conversation]).await;

    let completion = bench.convert(&input, 0, 0).await;

    let converted = converted(&completion);
    let mut joined = Vec::new();
    for part in &converted.items[0].parts {
        let message = read_part(&bench.staging, converted.blob.as_ref().unwrap(), part).await;
        for (_, piece) in crate::mail::attachments(&crate::mail::parse(&message)) {
            joined.extend(piece);
        }
    }
    assert!(joined == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rendered_is_quarantined_and_the_rest_goes_on() {
    let bench = Bench::new();
    let mut conversations = several();
    let crowd = (0..5_000).map(|n| participant(&format!("p{n}@x.test"), ""));
    conversations[1].participants = crowd.collect();
    let input = bench.batch(&conversations).await;

    let completion = bench.convert(&input, 0, 0).await;

    let converted = converted(&completion);
    assert_eq!(converted.items.len(), 3);
    let [quarantined] = converted.quarantined.as_slice() else {
        panic!("{converted:?}")
    };
    assert_eq!(quarantined.source, conversations[1].id.to_string());
    assert_eq!(
        quarantined.reason,
        "headers do not fit into the largest part"
    );
    assert_eq!(quarantined.records, 1);
    let original = bench
        .staging
        .get(quarantined.original.as_ref().unwrap())
        .await
        .unwrap();
    assert_eq!(
        rmp_serde::from_slice::<Conversation>(&original).unwrap(),
        conversations[1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_nothing_but_quarantine_leads_to_no_task() {
    let bench = Bench::new();
    let crowd = (0..5_000).map(|n| participant(&format!("p{n}@x.test"), ""));
    let conversation = Conversation {
        participants: crowd.collect(),
        ..conversation()
    };
    let input = bench.batch(&[conversation]).await;

    let completion = bench.convert(&input, 0, 0).await;

    assert_eq!(completion.next, []);
    assert_eq!(converted(&completion).blob, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_batch_is_an_error_of_the_task() {
    let bench = Bench::new();
    let mut input = bench.batch(&several()).await;
    input.sha256 = vec![0; 32].into();
    let stage = Arc::new(Conversion::new(bench.staging.clone(), bench.ledger.clone()));
    let task = v1::Task {
        run: 1,
        input: Some(input),
        ..v1::Task::default()
    };

    let error = stage.process(task).await.unwrap_err();

    assert_eq!(error.action, "load batch");
}

async fn read_part(staging: &Staging, blob: &Blob, part: &v1::Part) -> Bytes {
    let range = BlobRange {
        blob: blob.clone(),
        offset: part.offset,
        size: part.size,
    };
    let mut read = staging.ranges(vec![range]).await.unwrap();
    read.remove(0).unwrap()
}
