//! Finds tasks whose work messages were lost with their queue, and publishes them again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chatkeep_pipeline::{Queue, queue_of};

use crate::{
    ledger::Ledger,
    publish::{PublishError, send},
};

/// How often to look.
pub(crate) const PATROL: Duration = Duration::from_secs(5);

/// A task that is out is in its queue, or somebody works on it, or it was lost: with a queue that was
/// deleted or emptied, with a broker that came back without its disk. When nothing waits in the queue,
/// those of which nothing was heard for long are published again. That one of them is worked on all the
/// same does no harm: a repeated task changes nothing.
pub(crate) async fn patrol(ledger: &Ledger, queue: &Arc<dyn Queue>) -> Result<(), PublishError> {
    let mut overdue = BTreeMap::<_, Vec<_>>::new();
    for task in ledger.outstanding.overdue() {
        overdue.entry(queue_of(task.kind)).or_default().push(task);
    }
    for (name, tasks) in overdue {
        let waiting = queue.waiting(name).await;
        let waiting = waiting.map_err(|source| PublishError::Queue { source })?;
        if waiting != Some(0) {
            continue;
        }
        for task in tasks {
            let kind = task.kind.as_str_name();
            tracing::warn!(chatkeep.run.id = task.run, kind, "task published again");
            let sent = send(queue, &task).await;
            sent.map_err(|source| PublishError::Queue { source })?;
            ledger.outstanding.published_again(&task);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::TaskKind;
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::{
        ledger::task::{TaskRow, TaskState},
        publish::Outstanding,
    };

    const NAME: [u8; 1] = [7];

    fn task() -> TaskRow {
        TaskRow {
            key: 1,
            name: NAME.to_vec(),
            run: 1,
            connector: 1,
            connector_id: String::new(),
            kind: TaskKind::Convert,
            source: 0,
            shard: 0,
            state: TaskState::Open,
            input: None,
            first: 0,
            count: 0,
            items: (0, 0),
            trace: String::new(),
        }
    }

    async fn seconds(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_nobody_speaks_of_is_overdue_and_later_again() {
        let outstanding = Outstanding::default();
        outstanding.note(task());
        seconds(19).await;
        assert_eq!(outstanding.overdue().len(), 0);
        seconds(1).await;
        assert_eq!(outstanding.overdue().len(), 1);

        outstanding.published_again(&task());

        seconds(39).await;
        assert_eq!(outstanding.overdue().len(), 0);
        seconds(1).await;
        assert_eq!(outstanding.overdue().len(), 1);
    }

    #[tokio::test]
    async fn a_task_whose_key_was_another_one_s_before_goes_out() {
        let outstanding = Outstanding::default();
        assert!(outstanding.note(task()));
        assert!(!outstanding.note(task()));
        let next = TaskRow {
            name: vec![8],
            run: 2,
            ..task()
        };

        assert!(outstanding.note(next));

        assert!(outstanding.find(&HEXLOWER.encode(&[8])).is_some());
        assert!(outstanding.find(&HEXLOWER.encode(&NAME)).is_none());
    }

    #[tokio::test]
    async fn a_task_that_ended_since_its_row_was_read_does_not_go_out() {
        let outstanding = Outstanding::default();
        outstanding.note(task());
        outstanding.room(1, TaskKind::Convert);
        outstanding.closed(task().key);

        assert!(!outstanding.note(task()));

        // One whose run failed is open still, and goes out when the run is resumed.
        outstanding.rewind(1);
        outstanding.room(1, TaskKind::Convert);
        assert!(outstanding.note(task()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_a_stage_speaks_of_is_not_overdue() {
        let outstanding = Outstanding::default();
        outstanding.note(task());
        seconds(19).await;

        outstanding.find(&HEXLOWER.encode(&NAME));

        seconds(19).await;
        assert_eq!(outstanding.overdue().len(), 0);
    }
}
