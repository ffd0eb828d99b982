//! What became of the mails about a run.

use std::collections::HashMap;

use chatkeep_proto::v1::{Mailing, MailingState};

use crate::{
    database::{Cell, Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
};

/// Mails about runs by their ids, in the order of the connector file, those about a stop before a run's end first.
pub(crate) async fn of_runs(
    conn: &mut Connection,
    runs: &[Cell<'_>],
) -> Result<HashMap<i64, Vec<Mailing>>, LedgerError> {
    let statement = query(
        "SELECT recipient, stopped, state, made, due, code, attempts, run FROM reports WHERE run ",
    );
    let statement = statement.list(runs).sql(" ORDER BY stopped DESC, id");
    let rows = statement.fetch(conn).await.during("read reports")?;
    let mut mailings: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let read = row.int(7).and_then(|run| Ok((run, mailing(&row)?)));
        let (run, mailing) = read.during("read reports")?;
        mailings.entry(run).or_default().push(mailing);
    }
    Ok(mailings)
}

fn mailing(row: &Row) -> Result<Mailing, DatabaseError> {
    let state = state(row.int(2)?);
    // One that is settled was so at the time it was due then.
    let since = match state {
        MailingState::Waiting => row.int(3)?,
        _ => row.int(4)?,
    };
    Ok(Mailing {
        recipient: row.text(0)?,
        stop: row.int(1)? != 0,
        state: state.into(),
        since: since.div_euclid(1000),
        code: u32::try_from(row.count(5)?).unwrap_or_default(),
        attempts: u32::try_from(row.count(6)?).unwrap_or(u32::MAX),
    })
}

/// As the column `state` has it.
fn state(column: i64) -> MailingState {
    match column {
        0 => MailingState::Waiting,
        1 => MailingState::Sent,
        2 => MailingState::Refused,
        3 => MailingState::GivenUp,
        4 => MailingState::NotCalledFor,
        _ => MailingState::Unspecified,
    }
}
