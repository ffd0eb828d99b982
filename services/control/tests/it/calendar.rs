//! A connector whose scheduled runs start every day at 01:00, and a clock that a test sets.

use std::time::{Duration, SystemTime};

use chatkeep_control::Clock;
use chatkeep_proto::v1::{
    BackfillRequest, BackfillSummary, CancelRunRequest, ConnectorSummary, GetRunRequest,
    ListBackfillsRequest, ListConnectorsRequest, PauseConnectorRequest, PutConnectorRequest,
    ResumeConnectorRequest, Run, RunState, Task,
};
use tempfile::TempDir;
use tonic::Code;

use crate::{
    lab::{CONNECTOR, Lab, QUEUES, settings},
    world::World,
};

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);
/// Keys that a database may leave out in a row.
const GAP: i64 = 8;

pub(crate) struct Calendar {
    pub(crate) folder: TempDir,
    pub(crate) lab: Lab,
    pub(crate) clock: Clock,
    pub(crate) world: World,
}

/// So many hours after the beginning of a day, counted from 1970.
pub(crate) fn hour(day: i64, hours: i64) -> SystemTime {
    let hours = u64::try_from(24 * day + hours).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_hours(hours)
}

/// A day's beginning, Unix seconds.
pub(crate) fn midnight(day: i64) -> i64 {
    day * 86_400
}

/// A run's window, in days.
pub(crate) fn days(run: &Run) -> (Option<i64>, Option<i64>) {
    let days = |seconds: i64| {
        assert_eq!(seconds % 86_400, 0);
        seconds / 86_400
    };
    (run.from.map(days), run.to.map(days))
}

impl Calendar {
    /// Puts the connector at this time.
    pub(crate) async fn open(world: World, time: SystemTime) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::standing_at(time);
        let lab = Lab::open_at(folder.path(), &settings(), &clock).await;
        let calendar = Self {
            folder,
            lab,
            clock,
            world,
        };
        calendar.put(CONNECTOR).await;
        calendar
    }

    pub(crate) async fn put(&self, file: &str) {
        let request = PutConnectorRequest {
            connector_file: file.to_owned(),
            schedule: true,
            max_part_bytes: 1_000_000,
            ..PutConnectorRequest::default()
        };
        self.lab
            .control
            .clone()
            .put_connector(request)
            .await
            .unwrap();
    }

    /// Stops control and starts it again: what was in queues is lost.
    pub(crate) async fn restart(self) -> Self {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.now().unsigned_abs());
        self.down_until(time).await
    }

    /// Control is down until this time.
    pub(crate) async fn down_until(self, time: SystemTime) -> Self {
        self.lab.stop().await;
        self.clock.set(time);
        let lab = Lab::open_at(self.folder.path(), &settings(), &self.clock).await;
        Self { lab, ..self }
    }

    pub(crate) async fn summary(&self) -> ConnectorSummary {
        let request = ListConnectorsRequest::default();
        let listed = self.lab.control.clone().list_connectors(request).await;
        let mut connectors = listed.unwrap().into_inner().connectors;
        assert_eq!(connectors.len(), 1);
        connectors.remove(0)
    }

    pub(crate) async fn pause(&self) {
        let request = PauseConnectorRequest {
            connector: "contoso".to_owned(),
        };
        self.lab
            .control
            .clone()
            .pause_connector(request)
            .await
            .unwrap();
    }

    /// Returns how many runs go on.
    pub(crate) async fn resume(&self) -> u32 {
        let request = ResumeConnectorRequest {
            connector: "contoso".to_owned(),
        };
        let resumed = self.lab.control.clone().resume_connector(request).await;
        resumed.unwrap().into_inner().runs
    }

    pub(crate) async fn cancel(&self, number: i64) -> Result<(), tonic::Status> {
        let request = CancelRunRequest {
            connector: "contoso".to_owned(),
            number,
        };
        self.lab.control.clone().cancel_run(request).await.map(drop)
    }

    pub(crate) async fn try_backfill(
        &self,
        (from, to): (i64, i64),
        slice_days: u32,
    ) -> Result<i64, tonic::Status> {
        self.order(BackfillRequest {
            from,
            to,
            slice_days,
            ..BackfillRequest::default()
        })
        .await
    }

    async fn order(&self, order: BackfillRequest) -> Result<i64, tonic::Status> {
        let request = BackfillRequest {
            connector: "contoso".to_owned(),
            ..order
        };
        let ordered = self.lab.control.clone().backfill(request).await?;
        Ok(ordered.into_inner().backfill)
    }

    /// Orders a backfill of these days, the second not included.
    pub(crate) async fn backfill(&self, (from, to): (i64, i64), slice_days: u32) -> i64 {
        let range = (midnight(from), midnight(to));
        self.try_backfill(range, slice_days).await.unwrap()
    }

    /// Orders a backfill of these days in slices of 7, the last days first.
    pub(crate) async fn backfill_newest_first(&self, (from, to): (i64, i64)) -> i64 {
        let order = BackfillRequest {
            from: midnight(from),
            to: midnight(to),
            newest_first: true,
            ..BackfillRequest::default()
        };
        self.order(order).await.unwrap()
    }

    pub(crate) async fn backfills(&self) -> Vec<BackfillSummary> {
        let request = ListBackfillsRequest {
            connector: "contoso".to_owned(),
        };
        let listed = self.lab.control.clone().list_backfills(request).await;
        listed.unwrap().into_inner().backfills
    }

    /// Every run, those that left no trace included, in the order in which they were opened.
    pub(crate) async fn runs(&self) -> Vec<(Run, RunState)> {
        let (mut runs, mut id, mut last) = (Vec::new(), 1, 0);
        while id <= last + GAP {
            match self
                .lab
                .ledger
                .clone()
                .get_run(GetRunRequest { run: id })
                .await
            {
                Ok(run) => {
                    last = id;
                    runs.push((run.into_inner(), self.lab.progress(id).await.state()));
                }
                Err(status) => assert_eq!(status.code(), Code::NotFound),
            }
            id += 1;
        }
        runs
    }

    /// The newest run that is of no backfill, once it has this state.
    pub(crate) async fn newest(&self, state: RunState) -> Run {
        let poll = async {
            loop {
                let mut runs = self.runs().await;
                runs.retain(|(run, _)| !run.backfill);
                match runs.pop() {
                    Some((run, of)) if of == state => return run,
                    _ => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap()
    }

    /// The next task, of whatever queue; `None` when none comes.
    pub(crate) async fn receive(&self) -> Option<Task> {
        for queue in QUEUES {
            let wait = Duration::from_millis(3);
            if let Ok(task) = tokio::time::timeout(wait, self.lab.receive(queue)).await {
                return Some(task);
            }
        }
        None
    }

    /// Works until nothing is due or under way any more. Returns the runs whose tasks were done, in order.
    pub(crate) async fn settle(&self) -> Vec<i64> {
        let mut worked = Vec::new();
        let work = async {
            loop {
                while let Some(task) = self.receive().await {
                    worked.push(task.run);
                    self.world.work(&self.lab, &task).await;
                }
                if self.is_settled().await {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, work).await.unwrap();
        worked.dedup();
        worked
    }

    async fn is_settled(&self) -> bool {
        let summary = self.summary().await;
        let now = self.now();
        let runs = self.runs().await;
        let is_closed = |state: RunState| state != RunState::Running;
        summary.due.is_none_or(|due| due > now)
            && summary.backfills.is_empty()
            && runs.into_iter().all(|(_, state)| is_closed(state))
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now() / 1_000
    }
}
