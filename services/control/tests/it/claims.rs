use chatkeep_proto::v1::{
    Captured, ClaimAnswer, ClaimRequest, Converted, FailRequest, KnownRecordsRequest, Listed,
    Planned, RecordClaim, RecordKey, Refreshed, RunState, Session, Task, TaskKind,
    complete_request::Result as Outcome,
};
use chatkeep_staging::{BlobKind, ItemIndex};

use crate::{
    lab::{Lab, new_task},
    staged::{conversation_of, stored},
    world::{blob, claim, item, item_id, record_id, unrenderable},
};

/// A lab with two open CAPTURE tasks of two entries.
async fn capturing(folder: &std::path::Path) -> (Lab, Task, Task) {
    let lab = Lab::open(folder).await;
    lab.open_run().await;
    let refresh = lab.next("mapping").await;
    let refreshed = Refreshed {
        directory: Some(blob("directory")),
        ..Refreshed::default()
    };
    lab.complete(&refresh, Outcome::Refreshed(refreshed), Vec::new())
        .await;
    let list = lab.next("ingestion").await;
    let captures =
        [(0, 2), (2, 2)].map(|range| new_task(TaskKind::Capture, &blob("listing"), range));
    lab.complete(&list, Outcome::Listed(Listed::default()), captures.to_vec())
        .await;
    let (first, second) = (lab.next("ingestion").await, lab.next("ingestion").await);
    (lab, first, second)
}

async fn ask(lab: &Lab, task: &Task, records: Vec<RecordClaim>) -> Vec<ClaimAnswer> {
    let request = ClaimRequest {
        task: task.id.clone(),
        records,
    };
    lab.ledger
        .clone()
        .claim(request)
        .await
        .unwrap()
        .into_inner()
        .answers
}

async fn yours(lab: &Lab, task: &Task, records: Vec<RecordClaim>) -> Vec<bool> {
    ask(lab, task, records)
        .await
        .iter()
        .map(|answer| answer.yours)
        .collect()
}

fn session(number: u32, start: i64, sequence: &str) -> RecordClaim {
    RecordClaim {
        session: Some(Session {
            participants: blob("ann and bob").sha256,
            start,
            messages: 3,
            sequence: blob(sequence).sha256,
            item: item_id(number).into(),
            ..Session::default()
        }),
        day: 0,
        ..claim(number)
    }
}

#[tokio::test]
async fn a_repeat_is_yours_and_another_task_is_a_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;

    assert_eq!(
        yours(&lab, &first, vec![claim(1), claim(2)]).await,
        [true, true]
    );
    assert_eq!(
        yours(&lab, &first, vec![claim(1), claim(2)]).await,
        [true, true]
    );
    assert_eq!(
        yours(&lab, &second, vec![claim(2), claim(3)]).await,
        [false, true]
    );
}

async fn give_up(lab: &Lab, task: &Task) {
    let fail = FailRequest {
        task: task.id.clone(),
        reason: "capture files".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();
}

/// Gives a task of two entries up; its halves.
async fn halves(lab: &Lab, task: &Task) -> (Task, Task) {
    give_up(lab, task).await;
    let (left, right) = (lab.next("ingestion").await, lab.next("ingestion").await);
    let range = |task: &Task| (task.first, task.count);
    assert_eq!((range(&left), range(&right)), ((0, 1), (1, 1)));
    (left, right)
}

/// Ends a CAPTURE task that read so many records and passes so many of them on.
async fn captured(lab: &Lab, task: &Task, records_read: u64, kept: u64) {
    let duplicates = (kept..records_read).map(|_| record_id(0).into());
    let captured = Captured {
        records_read,
        kept,
        duplicates: duplicates.collect(),
        ..Captured::default()
    };
    lab.complete(task, Outcome::Captured(captured), Vec::new())
        .await;
}

#[tokio::test]
async fn each_half_of_a_split_task_gets_what_its_parent_had_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, _) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1), claim(2)]).await;

    let (left, right) = halves(&lab, &first).await;

    assert_eq!(yours(&lab, &left, vec![claim(1)]).await, [true]);
    assert_eq!(yours(&lab, &right, vec![claim(2)]).await, [true]);
}

#[tokio::test]
async fn a_record_that_both_halves_of_a_split_task_hold_is_one_halfs() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, _) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1)]).await;

    let (left, right) = halves(&lab, &first).await;

    for _ in 0..2 {
        assert_eq!(yours(&lab, &right, vec![claim(1)]).await, [true]);
        assert_eq!(yours(&lab, &left, vec![claim(1)]).await, [false]);
    }
}

#[tokio::test]
async fn copies_in_both_halves_of_a_split_task_are_one_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, _) = capturing(folder.path()).await;
    let copy = |number| vec![session(number, 1_000, "hello")];
    yours(&lab, &first, [copy(1), copy(2)].concat()).await;

    let (left, right) = halves(&lab, &first).await;

    for _ in 0..2 {
        assert_eq!(yours(&lab, &right, copy(2)).await, [true]);
        assert_eq!(yours(&lab, &left, copy(1)).await, [false]);
    }
}

#[tokio::test]
async fn what_a_quarantined_task_had_claimed_is_whoevers_asks_next() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    let (left, _) = halves(&lab, &first).await;
    yours(&lab, &left, vec![claim(1), session(2, 1_000, "hello")]).await;

    give_up(&lab, &left).await;

    let asked = vec![claim(1), session(3, 1_001, "hello")];
    assert_eq!(yours(&lab, &second, asked).await, [true, true]);
}

#[tokio::test]
async fn what_a_quarantined_task_kept_from_others_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    let (left, right) = halves(&lab, &first).await;
    yours(&lab, &left, vec![claim(1)]).await;
    let copy = |entry| RecordClaim { entry, ..claim(1) };
    assert_eq!(yours(&lab, &second, vec![copy(3)]).await, [false]);
    captured(&lab, &second, 2, 0).await;
    captured(&lab, &right, 0, 0).await;

    give_up(&lab, &left).await;

    let again = lab.next("ingestion").await;
    assert_eq!((again.first, again.count), (3, 1));
    assert_eq!(yours(&lab, &again, vec![copy(3)]).await, [true]);
    captured(&lab, &again, 1, 1).await;
    assert!(lab.is_quiet("ingestion").await);
}

#[tokio::test]
async fn what_another_task_captured_in_the_end_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1)]).await;
    yours(&lab, &second, vec![claim(1)]).await;

    captured(&lab, &second, 1, 0).await;
    captured(&lab, &first, 1, 1).await;

    assert!(lab.is_quiet("ingestion").await);
}

#[tokio::test]
async fn a_task_that_does_not_capture_all_it_had_claimed_is_done_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1), claim(2)]).await;
    // Tried again, after the file with the second record had changed.
    yours(&lab, &first, vec![claim(1)]).await;

    captured(&lab, &first, 1, 1).await;

    let anew = lab.next("ingestion").await;
    assert_eq!((anew.first, anew.count), (first.first, first.count));
    assert_eq!(yours(&lab, &anew, vec![claim(1)]).await, [true]);
    captured(&lab, &anew, 1, 1).await;
    assert_eq!(yours(&lab, &second, vec![claim(1)]).await, [false]);
    assert_eq!(yours(&lab, &second, vec![claim(2)]).await, [true]);
}

#[tokio::test]
async fn what_cannot_be_rendered_is_whoevers_asks_next() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1), claim(2)]).await;
    let result = Captured {
        records_read: 2,
        kept: 2,
        ..Captured::default()
    };
    let next = new_task(TaskKind::Convert, &blob("batch"), (0, 2));
    lab.complete(&first, Outcome::Captured(result), vec![next])
        .await;
    let convert = lab.next("conversion").await;

    let converted = Converted {
        items: vec![item(1)],
        quarantined: vec![unrenderable(2)],
        ..Converted::default()
    };
    lab.complete(&convert, Outcome::Converted(converted), Vec::new())
        .await;

    let asked = vec![claim(1), claim(2)];
    assert_eq!(yours(&lab, &second, asked).await, [false, true]);
}

#[tokio::test]
async fn what_cannot_be_planned_is_whoevers_asks_next_and_becomes_an_item_then() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    let conversation = conversation_of(7, [7]);
    let batch = stored(&lab, BlobKind::Batch, std::slice::from_ref(&conversation)).await;
    let index = ItemIndex {
        id: conversation.id,
        kind: conversation.kind,
        date: 0,
        participants: Vec::new(),
    };
    let index = stored(&lab, BlobKind::Index, &[index]).await;
    let claim = RecordClaim { day: 0, ..claim(7) };
    for (round, capture) in (0..).zip([&first, &second]) {
        assert_eq!(yours(&lab, capture, vec![claim.clone()]).await, [true]);
        let result = Captured {
            records_read: 1,
            kept: 1,
            ..Captured::default()
        };
        // Two pools' batches are never quite the same.
        let range = (0, 1 + round);
        let next = new_task(TaskKind::Convert, &batch, range);
        lab.complete(capture, Outcome::Captured(result), vec![next])
            .await;
        let convert = lab.next("conversion").await;
        let converted = Converted {
            items: vec![item(7)],
            ..Converted::default()
        };
        let next = new_task(TaskKind::Plan, &index, range);
        lab.complete(&convert, Outcome::Converted(converted), vec![next])
            .await;
        let plan = lab.next("mapping").await;
        if round == 0 {
            give_up(&lab, &plan).await;
        } else {
            lab.complete(&plan, Outcome::Planned(Planned::default()), Vec::new())
                .await;
        }
    }

    assert_eq!(
        lab.ended(first.run).await,
        RunState::SucceededWithExceptions
    );
    let records = lab.report(1).await.records.unwrap();
    assert_eq!(
        (records.read, records.rendered, records.quarantined),
        (2, 1, 1)
    );
}

#[tokio::test]
async fn an_equal_copy_of_another_pool_within_two_seconds_is_a_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, vec![session(1, 1_000, "hello")]).await;

    assert_eq!(
        yours(&lab, &second, vec![session(2, 1_002, "hello")]).await,
        [false]
    );
    assert_eq!(
        yours(&lab, &second, vec![session(3, 1_003, "hello")]).await,
        [true]
    );
}

#[tokio::test]
async fn within_one_request_the_first_copy_wins_also_when_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, _) = capturing(folder.path()).await;
    let both = || vec![session(1, 1_000, "hello"), session(2, 1_001, "hello")];

    assert_eq!(yours(&lab, &first, both()).await, [true, false]);
    assert_eq!(yours(&lab, &first, both()).await, [true, false]);
}

#[tokio::test]
async fn a_copy_with_another_sequence_is_yours_and_names_the_similar_one() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, vec![session(1, 1_000, "hello")]).await;

    let answers = ask(&lab, &second, vec![session(2, 1_001, "hello and more")]).await;

    assert!(answers[0].yours);
    assert_eq!(answers[0].similar.len(), 1);
    assert_eq!(answers[0].similar[0].item, item_id(1));
}

#[tokio::test]
async fn more_claims_than_one_statement_holds_are_answered_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, (100..200).map(claim).collect()).await;

    let answers = yours(&lab, &second, (0..333).map(claim).collect()).await;

    let expected: Vec<_> = (0..333)
        .map(|number| !(100..200).contains(&number))
        .collect();
    assert_eq!(answers, expected);
    assert_ne!(record_id(1), record_id(2));
}

#[tokio::test]
async fn records_of_a_copy_are_not_claimed_either() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    let follower = |number| RecordClaim {
        follows: true,
        ..claim(number)
    };
    let one = vec![session(1, 100, "hello"), follower(2)];
    assert_eq!(yours(&lab, &first, one).await, [true, true]);

    let copy = vec![session(3, 101, "hello"), follower(4), claim(5)];
    let answers = yours(&lab, &second, copy).await;

    assert_eq!(answers, [false, false, true]);
    assert_eq!(yours(&lab, &first, vec![claim(4)]).await, [true]);
}

#[tokio::test]
async fn what_one_database_holds_twice_is_no_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    let of = |number, origin: &str| {
        let mut claim = session(number, 100, "hello");
        claim.session.as_mut().unwrap().origin = origin.to_owned();
        claim
    };

    assert_eq!(
        yours(&lab, &first, vec![of(1, "a"), of(2, "a")]).await,
        [true, true]
    );
    assert_eq!(yours(&lab, &second, vec![of(3, "a")]).await, [true]);
    assert_eq!(yours(&lab, &second, vec![of(4, "b")]).await, [false]);
    assert!(
        ask(&lab, &second, vec![of(3, "a")]).await[0]
            .similar
            .is_empty()
    );
}

#[tokio::test]
async fn who_asks_beforehand_learns_what_others_have_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, second) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1)]).await;
    yours(&lab, &second, vec![claim(2)]).await;

    let key = |number| RecordKey {
        id: record_id(number).into(),
        day: claim(number).day,
    };
    let request = KnownRecordsRequest {
        task: second.id.clone(),
        records: vec![key(1), key(2), key(3)],
    };
    let known = lab.ledger.clone().known_records(request).await;

    assert_eq!(known.unwrap().into_inner().known, [true, false, false]);
}
