//! Stands in for `database` where the program is built without it.

#![expect(
    clippy::unused_async,
    reason = "who calls them does not know which of both there is"
)]

pub(crate) mod archiving {
    use std::time::Duration;

    use chatkeep_model::connector::DatabaseSource;
    use chatkeep_pipeline::{Completion, ResultExt as _, StageError};

    use crate::{check::DatabaseSample, preview::Previewed, work::Work};

    use super::DatabaseError;

    pub(crate) async fn list(_: &Work, _: &DatabaseSource) -> Result<Completion, StageError> {
        Err(DatabaseError).or_reject("list database")
    }

    pub(crate) async fn capture(_: &Work, _: &DatabaseSource) -> Result<Completion, StageError> {
        Err(DatabaseError).or_reject("read database")
    }

    pub(crate) async fn look_into(_: &DatabaseSource) -> Result<DatabaseSample, DatabaseError> {
        Err(DatabaseError)
    }

    pub(crate) async fn count(
        _: &DatabaseSource,
        _: (Option<i64>, Option<i64>),
        _: Duration,
    ) -> Result<Option<u64>, DatabaseError> {
        Err(DatabaseError)
    }

    pub(crate) async fn preview(
        _: &str,
        _: &DatabaseSource,
        _: usize,
    ) -> Result<Vec<Previewed>, DatabaseError> {
        Err(DatabaseError)
    }
}

pub(crate) mod rooms {
    use chatkeep_pipeline::{Completion, ResultExt as _, StageError};

    use super::DatabaseError;
    pub(crate) use super::archiving::{count, look_into, preview};
    use crate::work::Work;

    pub(crate) async fn list(_: &Work) -> Result<Completion, StageError> {
        Err(DatabaseError).or_reject("list database")
    }

    pub(crate) async fn capture(_: &Work) -> Result<Completion, StageError> {
        Err(DatabaseError).or_reject("read database")
    }
}

/// Why a database cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this program is built without databases; build it with the feature `mssql`")]
pub struct DatabaseError;
