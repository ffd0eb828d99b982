//! Scheduled runs, one by one: no command opens such.

use std::time::Duration;

use chatkeep_control::Clock;
use chatkeep_proto::v1::{
    OpenRunRequest, ProgressRequest, ReportRequest, ReportResponse, RunState,
};
use jiff::Timestamp;

use crate::{
    embedded::{Services, connector},
    sandbox::Sandbox,
};

/// What a run came to: whether it was worth one, and the balance of the newest that was.
pub(crate) struct Ran {
    pub(crate) is_new: bool,
    pub(crate) report: ReportResponse,
}

/// A scheduled run that is opened at this time.
pub(crate) fn scheduled_run(sandbox: &Sandbox, now: &str) -> Ran {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(sandbox, now.parse().unwrap()))
}

async fn run(sandbox: &Sandbox, now: Timestamp) -> Ran {
    let clock = Clock::standing_at(now.into());
    let Services {
        mut control,
        lifecycle,
    } = Services::start(sandbox, &clock).await;
    let connector = connector(sandbox);
    let request = OpenRunRequest {
        connector_file: connector.to_toml().unwrap(),
        scheduled: true,
        max_part_bytes: 25 << 20,
        ..OpenRunRequest::default()
    };
    let opened = control.open_run(request).await.unwrap().into_inner();
    let run = ProgressRequest { run: opened.run };
    let state = loop {
        let progress = control.progress(run).await.unwrap().into_inner();
        if progress.state() != RunState::Running {
            break progress.state();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let request = ReportRequest {
        connector: connector.id(),
        number: 0,
        ..ReportRequest::default()
    };
    let report = control.report(request).await.unwrap().into_inner();
    assert!(lifecycle.stop().await);
    let is_new = state != RunState::NothingNew;
    assert!(!is_new || state == RunState::Succeeded, "{state:?}");
    Ran { is_new, report }
}
