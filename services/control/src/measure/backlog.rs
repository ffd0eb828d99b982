use std::collections::BTreeMap;

use chatkeep_pipeline::queue_of;
use chatkeep_proto::v1::TaskKind;
use opentelemetry::KeyValue;

use super::metric::{Metric, Sample, sample};
use crate::{
    database::{Connection, query},
    director,
    error::{During as _, LedgerError},
    ledger::run,
};

// Keys of tasks grow: the first one of a run and kind is the oldest, and the index has it. What an earlier
// program opened has no time.
const OLDEST: &str = "SELECT opened FROM tasks WHERE opened > 0 AND id = \
    (SELECT MIN(id) FROM tasks WHERE state = 0 AND kind = $1 AND run = $2)";

/// A value of each stage, 0 unless there is another one.
struct Stages(BTreeMap<&'static str, u64>);

impl Default for Stages {
    fn default() -> Self {
        let stages = ["ingestion", "conversion", "mapping", "mailbox-import"];
        Self(stages.map(|stage| (stage, 0)).into())
    }
}

impl Stages {
    /// The value of the stage that does tasks of this kind; `None` of a kind that is unknown.
    fn of(&mut self, kind: i64) -> Option<&mut u64> {
        let kind = TaskKind::try_from(i32::try_from(kind).ok()?).ok()?;
        self.0.get_mut(queue_of(kind))
    }

    fn samples(self, metric: Metric) -> Vec<Sample> {
        let of_stage = |(stage, value)| {
            let stage = KeyValue::new("chatkeep.stage", stage);
            sample(metric, value, [stage])
        };
        self.0.into_iter().map(of_stage).collect()
    }
}

/// Open tasks of all runs, by the stage that serves them.
pub(super) async fn open_tasks(conn: &mut Connection) -> Result<Vec<Sample>, LedgerError> {
    let statement = query("SELECT kind, COUNT(*) FROM tasks WHERE state = 0 GROUP BY kind");
    let rows = statement.fetch(conn).await.during("count open tasks")?;
    let mut open = Stages::default();
    for row in rows {
        let columns = || Ok((row.int(0)?, row.count(1)?));
        let (kind, tasks) = columns().during("count open tasks")?;
        if let Some(open) = open.of(kind) {
            *open += tasks;
        }
    }
    Ok(open.samples(Metric::OpenTasks))
}

/// For how long each stage's oldest open task has waited, of the runs that go on: what is paused, failed or
/// held back waits for somebody else. `now` in seconds.
pub(super) async fn oldest(conn: &mut Connection, now: i64) -> Result<Vec<Sample>, LedgerError> {
    let runs = run::select(conn, "status IN (1, 2, 6)", &[], "ORDER BY id").await?;
    let mut oldest = Stages::default();
    for run in director::going_on(runs) {
        for kind in TaskKind::Refresh as i64..=TaskKind::Import as i64 {
            let task = query(OLDEST).bind(kind).bind(run.id);
            let opened = task.fetch_optional(conn).await;
            let opened = opened.and_then(|row| row.map(|row| row.int(0)).transpose());
            let opened = opened.during("find oldest task")?;
            let age = opened.and_then(|opened| u64::try_from(now - opened / 1000).ok());
            if let (Some(age), Some(oldest)) = (age, oldest.of(kind)) {
                *oldest = age.max(*oldest);
            }
        }
    }
    Ok(oldest.samples(Metric::OldestTask))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::goes_by;

    #[tokio::test]
    async fn the_oldest_task_is_not_looked_for_among_all() {
        goes_by(OLDEST, "tasks_open").await;
    }
}
