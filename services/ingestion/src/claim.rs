//! Claims of records, as every source makes them.

use chatkeep_pipeline::{StageError, Verdict};
use chatkeep_proto::v1::{ClaimAnswer, ClaimRequest, KnownRecordsRequest, RecordClaim, RecordKey};

use crate::work::Work;

#[derive(Debug, thiserror::Error)]
#[error("ledger did not answer about every record")]
struct Unanswered;

/// Claims records in one call; an answer for each.
pub(crate) async fn claim(
    work: &Work,
    records: Vec<RecordClaim>,
) -> Result<Vec<ClaimAnswer>, StageError> {
    let asked = records.len();
    let request = ClaimRequest {
        task: work.task.id.clone(),
        records,
    };
    let response = work.ledger.clone().claim(request).await;
    let response = response.map_err(StageError::ledger("claim records"))?;
    complete(response.into_inner().answers, asked, "claim records")
}

/// Which of these records another task has claimed.
#[cfg_attr(
    not(feature = "mssql"),
    expect(dead_code, reason = "records of databases are claimed together")
)]
pub(crate) async fn known(work: &Work, records: Vec<RecordKey>) -> Result<Vec<bool>, StageError> {
    let asked = records.len();
    let request = KnownRecordsRequest {
        task: work.task.id.clone(),
        records,
    };
    let response = work.ledger.clone().known_records(request).await;
    let response = response.map_err(StageError::ledger("ask for known records"))?;
    complete(response.into_inner().known, asked, "ask for known records")
}

fn complete<T>(answers: Vec<T>, asked: usize, action: &'static str) -> Result<Vec<T>, StageError> {
    if answers.len() == asked {
        return Ok(answers);
    }
    Err(StageError::new(Verdict::Retry, action, Unanswered))
}
