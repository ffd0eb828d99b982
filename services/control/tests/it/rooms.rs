//! What is remembered of the rooms of a database.

use chatkeep_proto::v1::{
    Assembled, Captured, Chunk, Listed, Reach, Refreshed, RoomDay, RoomDays, RoomDaysRequest,
    TaskKind, complete_request::Result as Outcome,
};

use crate::{
    assembly::assemble,
    lab::{Lab, new_task},
    world::blob,
};

const DATABASE: &str = "persistent-chat-database sql01 mgc";
const ROOM: &str = "ma-chan://contoso.com/x";

fn day(day: i32, seen: &'static str) -> RoomDay {
    RoomDay {
        room: ROOM.to_owned(),
        day,
        number: 300,
        title: "Project X".to_owned(),
        seen: seen.into(),
        ..RoomDay::default()
    }
}

fn of_database(days: Vec<RoomDay>) -> RoomDays {
    RoomDays {
        database: DATABASE.to_owned(),
        identity: "one".to_owned(),
        days,
    }
}

/// Days and what was seen on them, of these rooms.
async fn remembered(lab: &Lab, rooms: &[&str]) -> Vec<(i32, Vec<u8>, Vec<u8>)> {
    let request = RoomDaysRequest {
        connector: "contoso".to_owned(),
        database: DATABASE.to_owned(),
        rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
        limit: 10,
        ..RoomDaysRequest::default()
    };
    let found = lab.ledger.clone().room_days(request).await.unwrap();
    let mut days = found.into_inner().days;
    days.sort_by_key(|day| day.day);
    let days = days.into_iter();
    days.map(|day| (day.day, day.seen.to_vec(), day.item.to_vec()))
        .collect()
}

/// Opens a run that reads the database with this identity, days from this one on again; returns it and
/// works its LIST task.
async fn list(lab: &Lab, identity: &str, seen_from: i32) -> i64 {
    let run = lab.open_run().await.run;
    let refresh = lab.next("mapping").await;
    let refreshed = Refreshed {
        directory: Some(blob("directory")),
        ..Refreshed::default()
    };
    lab.complete(&refresh, Outcome::Refreshed(refreshed), Vec::new())
        .await;
    let listed = Listed {
        reach: Some(Reach {
            database: DATABASE.to_owned(),
            identity: identity.to_owned(),
            stretches: Vec::new(),
        }),
        seen_from: Some(seen_from),
        ..Listed::default()
    };
    let list = lab.next("ingestion").await;
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, 1));
    lab.complete(&list, Outcome::Listed(listed), vec![capture])
        .await;
    run
}

#[tokio::test]
async fn days_are_remembered_with_their_first_items_until_they_are_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let first = list(&lab, "one", 100).await;
    let captured = Captured {
        records_read: 1,
        chunk: Some(Chunk {
            blob: Some(blob("chunk")),
            offsets: vec![0, 100],
            sha256: Vec::new(),
        }),
        rooms: Some(of_database(vec![day(100, "a"), day(101, "b")])),
        ..Captured::default()
    };
    let capture = lab.next("ingestion").await;
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;
    let became = |item: &'static str| RoomDay {
        item: item.into(),
        ..day(101, "")
    };
    let assembled = Assembled {
        conversations: 1,
        records: 1,
        rooms: Some(of_database(vec![became("first"), became("second")])),
        ..Assembled::default()
    };
    let task = lab.next("ingestion").await;
    assemble(&lab, &task, assembled, 1).await;
    lab.ended(first).await;
    let all = remembered(&lab, &[ROOM]).await;
    let rooms = remembered(&lab, &[]).await;

    let second = list(&lab, "one", 101).await;
    let captured = Captured {
        rooms: Some(of_database(vec![day(101, "c")])),
        ..Captured::default()
    };
    let capture = lab.next("ingestion").await;
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;
    lab.ended(second).await;

    let bytes = |text: &str| text.as_bytes().to_vec();
    let expected = [
        (100, bytes("a"), bytes("")),
        (101, bytes("b"), bytes("first")),
    ];
    assert_eq!(all, expected);
    assert_eq!(rooms, [(101, bytes(""), bytes(""))]);
    assert_eq!(
        remembered(&lab, &[ROOM]).await,
        [(101, bytes("c"), bytes("first"))]
    );
    assert_eq!(remembered(&lab, &["ma-chan://contoso.com/y"]).await, []);
}

#[tokio::test]
async fn nothing_is_remembered_of_a_database_that_was_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let first = list(&lab, "one", 100).await;
    let captured = Captured {
        rooms: Some(of_database(vec![day(100, "a")])),
        ..Captured::default()
    };
    let capture = lab.next("ingestion").await;
    lab.complete(&capture, Outcome::Captured(captured), Vec::new())
        .await;
    lab.ended(first).await;
    assert_eq!(remembered(&lab, &[ROOM]).await.len(), 1);

    list(&lab, "two", 100).await;

    assert_eq!(remembered(&lab, &[ROOM]).await, []);
}
