//! Databases of Skype for Business: how they are reached, asked and told apart. What is in them is the
//! business of the modules of each kind.
//!
//! TDS is spoken by `tiberius`. It logs rows; `runtime` keeps it quiet.

mod connect;
mod connection;
mod error;
mod identity;
mod instance;
mod moment;
mod pace;
mod row;
mod schema;
mod statements;

pub(crate) mod archiving;

pub(crate) use crate::rooms::database as rooms;

use std::time::Duration;

pub use self::error::DatabaseError;
pub(crate) use self::{
    connection::{Connection, Parameter},
    identity::Identity,
    moment::Moment,
    pace::Pace,
    row::Row,
    schema::{Schema, Table},
};

/// What is worth so much time and no more; `None` when it takes longer, or the server has other things to do. A
/// statement that is under way ends with its connection.
pub(crate) async fn in_time<T>(
    time: Duration,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<Option<T>, DatabaseError> {
    match tokio::time::timeout(time, work).await {
        Ok(Ok(done)) => Ok(Some(done)),
        Ok(Err(error)) if error.is_passing() => Ok(None),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// The statements that every kind of database is asked.
#[cfg(test)]
pub(crate) fn shared_statements() -> Vec<String> {
    [
        statements::SESSION,
        statements::IDENTITY,
        statements::COLUMNS,
    ]
    .map(str::to_owned)
    .to_vec()
}
