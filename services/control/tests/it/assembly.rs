use chatkeep_proto::v1::{
    Assembled, Captured, CapturesRequest, Chunk, Converted, Item, OpenRunRequest, Planned,
    Presence, RoomRoster, RostersRequest, RunState, Task, TaskKind,
    complete_request::Result as Outcome,
};

use crate::{
    lab::{CONNECTOR, Lab, new_task},
    world::{blob, item},
};

/// A chunk with records in these shards of 16.
fn chunk(name: &str, shards: &[usize]) -> Chunk {
    let mut offsets = vec![0];
    for shard in 0..16 {
        let last = offsets[shard];
        offsets.push(last + if shards.contains(&shard) { 100 } else { 0 });
    }
    Chunk {
        blob: Some(blob(name)),
        offsets,
        sha256: Vec::new(),
    }
}

async fn open(lab: &Lab) -> i64 {
    let request = OpenRunRequest {
        connector_file: CONNECTOR.replace("archiving-export", "persistent-chat-xml"),
        scheduled: true,
        max_part_bytes: 1_000_000,
        ..OpenRunRequest::default()
    };
    let opened = lab.control.clone().open_run(request).await.unwrap();
    opened.into_inner().run
}

/// Captures these records as one chunk.
async fn capture(lab: &Lab, records: u64, chunk: Chunk) {
    lab.list(vec![new_task(TaskKind::Capture, &blob("listing"), (0, 1))])
        .await;
    let capture = lab.next("ingestion").await;
    let captured = Captured {
        records_read: records,
        chunk: Some(chunk),
        ..Captured::default()
    };
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;
}

async fn captures(lab: &Lab, task: &Task) -> Vec<Chunk> {
    let request = CapturesRequest {
        task: task.id.clone(),
    };
    let response = lab.ledger.clone().captures(request).await.unwrap();
    response.into_inner().chunks
}

/// Renders one item of so many records out of what an ASSEMBLE task made.
pub(crate) async fn assemble(lab: &Lab, task: &Task, assembled: Assembled, number: u32) {
    let records = u32::try_from(assembled.records).unwrap();
    let batch = blob(&format!("batch {number}"));
    let convert = new_task(TaskKind::Convert, &batch, (0, 1));
    lab.complete(task, Outcome::Assembled(assembled), vec![convert])
        .await;
    let convert = lab.next("conversion").await;
    let converted = Converted {
        blob: Some(blob("items")),
        items: vec![Item {
            records,
            ..item(number)
        }],
        ..Converted::default()
    };
    let index = blob(&format!("index {number}"));
    let plan = new_task(TaskKind::Plan, &index, (0, 1));
    lab.complete(&convert, Outcome::Converted(converted), vec![plan])
        .await;
    let plan = lab.next("mapping").await;
    lab.complete(&plan, Outcome::Planned(Planned::default()), Vec::new())
        .await;
}

#[tokio::test]
async fn only_shards_with_records_are_assembled() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    open(&lab).await;

    capture(&lab, 5, chunk("chunk", &[1, 3])).await;

    let tasks = [lab.next("ingestion").await, lab.next("ingestion").await];
    let shards = tasks.iter().map(|task| (task.kind(), task.shard));
    let expected = [(TaskKind::Assemble, 1), (TaskKind::Assemble, 3)];
    assert_eq!(shards.collect::<Vec<_>>(), expected);
    assert_eq!(captures(&lab, &tasks[0]).await, [chunk("chunk", &[1, 3])]);
    assert!(lab.is_quiet("ingestion").await);
}

#[tokio::test]
async fn records_of_a_day_not_yet_over_are_counted_as_open_and_rendered_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let first = open(&lab).await;
    capture(&lab, 5, chunk("chunk", &[3])).await;
    let task = lab.next("ingestion").await;
    let assembled = Assembled {
        conversations: 1,
        records: 3,
        open: 2,
        open_records: Some(chunk("open", &[3])),
        ..Assembled::default()
    };
    assemble(&lab, &task, assembled, 1).await;
    assert_eq!(lab.ended(first).await, RunState::Succeeded);
    let records = lab.report(1).await.records.unwrap();
    assert_eq!((records.read, records.rendered, records.open), (5, 3, 2));

    // No new file; the day is over now.
    let second = open(&lab).await;
    lab.list(Vec::new()).await;
    let task = lab.next("ingestion").await;
    assert_eq!(captures(&lab, &task).await, [chunk("open", &[3])]);
    let assembled = Assembled {
        conversations: 1,
        records: 2,
        ..Assembled::default()
    };
    assemble(&lab, &task, assembled, 2).await;

    assert_eq!(lab.ended(second).await, RunState::Succeeded);
    let records = lab.report(2).await.records.unwrap();
    assert_eq!((records.read, records.rendered, records.open), (2, 2, 0));
}

#[tokio::test]
async fn a_run_that_leaves_everything_open_again_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let still_open = || Assembled {
        open: 2,
        open_records: Some(chunk("open", &[3])),
        ..Assembled::default()
    };
    let first = open(&lab).await;
    capture(&lab, 2, chunk("chunk", &[3])).await;
    let task = lab.next("ingestion").await;
    lab.complete(&task, Outcome::Assembled(still_open()), Vec::new())
        .await;
    assert_eq!(lab.ended(first).await, RunState::Succeeded);

    for _ in 0..2 {
        let run = open(&lab).await;
        lab.list(Vec::new()).await;
        let task = lab.next("ingestion").await;
        assert_eq!(captures(&lab, &task).await, [chunk("open", &[3])]);
        lab.complete(&task, Outcome::Assembled(still_open()), Vec::new())
            .await;
        assert_eq!(lab.ended(run).await, RunState::NothingNew);
    }
}

#[tokio::test]
async fn a_roster_replaces_the_one_of_its_room() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    open(&lab).await;
    capture(&lab, 0, chunk("chunk", &[0, 1])).await;
    let present = |room: &str, address: &str| Presence {
        room: room.to_owned(),
        participant: blob(address).sha256,
        address: address.to_owned(),
    };
    for who in ["ann@contoso.com", "bob@contoso.com"] {
        let task = lab.next("ingestion").await;
        let roster = RoomRoster {
            room: "room".to_owned(),
            present: vec![present("room", who)],
        };
        let assembled = Assembled {
            rosters: vec![roster],
            ..Assembled::default()
        };
        lab.complete(&task, Outcome::Assembled(assembled), Vec::new())
            .await;
    }

    let request = RostersRequest {
        connector: "contoso".to_owned(),
        rooms: vec!["room".to_owned(), "other".to_owned()],
    };
    let rosters = lab.ledger.clone().rosters(request).await.unwrap();

    assert_eq!(
        rosters.into_inner().present,
        [present("room", "bob@contoso.com")]
    );
}
