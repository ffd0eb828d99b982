use chatkeep_proto::v1::{
    ClaimAnswer, ClaimRequest, FailRequest, Listed, RecordClaim, Refreshed, Session, Task,
    TaskKind, complete_request::Result as Outcome,
};

use crate::{
    lab::{Lab, new_task},
    world::{blob, claim, item_id, record_id},
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
        }),
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

#[tokio::test]
async fn both_halves_of_a_split_task_own_what_their_parent_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, first, _) = capturing(folder.path()).await;
    yours(&lab, &first, vec![claim(1), claim(2)]).await;

    let fail = FailRequest {
        task: first.id.clone(),
        reason: "capture files".to_owned(),
    };
    lab.ledger.clone().fail(fail).await.unwrap();
    let (left, right) = (lab.next("ingestion").await, lab.next("ingestion").await);

    assert_eq!(
        (left.first, left.count, right.first, right.count),
        (0, 1, 1, 1)
    );
    assert_eq!(left.origin, first.id);
    assert_eq!(yours(&lab, &left, vec![claim(1)]).await, [true]);
    assert_eq!(yours(&lab, &right, vec![claim(2)]).await, [true]);
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
