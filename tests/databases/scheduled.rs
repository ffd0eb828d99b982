//! Scheduled runs read on where the one before ended.

use std::time::Duration;

use chatkeep_control::Clock;
use chatkeep_proto::v1::{
    BackfillRequest, BackfillState, ExceptionsRequest, ListBackfillsRequest, ListRunsRequest,
    PutConnectorRequest, exception::Exception as Kind,
};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::{
    embedded::{Services, connector, covered},
    world::World,
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn every_run_reads_its_day_what_came_late_and_the_conferences_that_have_settled() {
    let world = World::anywhere(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.chat(0, DAY, &[(DAY + 1, "bob", "marble")]);
    world.meeting(5, &[(6, "bob", "basalt", &["ann"])]);
    let how_often = |words| world.how_often("ann@contoso.com", words);
    let runtime = Runtime::new().unwrap();
    let clock = Clock::standing_at(time("2025-03-11T00:59:00Z").into());
    let mut services = runtime.block_on(Services::start(&world.sandbox, &clock));
    let request = PutConnectorRequest {
        connector_file: connector(&world.sandbox).to_toml().unwrap(),
        schedule: true,
        max_part_bytes: 0,
        ..PutConnectorRequest::default()
    };
    runtime
        .block_on(services.control.put_connector(request))
        .unwrap();
    let mut run_at = |now, until| {
        world.fill();
        clock.set(time(now).into());
        runtime.block_on(covered(&mut services.control, time(until)));
    };

    run_at("2025-03-11T01:00:00Z", "2025-03-11T00:00:00Z");
    let found = ["granite", "marble", "basalt"].map(how_often);
    assert_eq!(found, [1, 0, 0]);

    // Half past eleven in the evening, committed after midnight.
    world.chat(0, 15 * HOUR, &[(15 * HOUR + HOUR / 2, "ann", "slate")]);
    run_at("2025-03-12T01:00:00Z", "2025-03-12T00:00:00Z");

    let found = ["granite", "marble", "basalt", "slate"].map(how_often);
    assert_eq!(found, [1, 1, 1, 1]);
    assert!(runtime.block_on(services.lifecycle.stop()));
}

/// Kind and counts of what the newest run tells of rows, and its number.
async fn told(services: &Services, connector: &str) -> (i64, Vec<(String, u64, u64)>) {
    let mut control = services.control.clone();
    let request = ListRunsRequest {
        connector: connector.to_owned(),
        limit: 1,
        ..ListRunsRequest::default()
    };
    let runs = control.list_runs(request).await.unwrap().into_inner().runs;
    let request = ExceptionsRequest { run: runs[0].run };
    let mut exceptions = control.exceptions(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(exception) = exceptions.message().await.unwrap() {
        if let Some(Kind::Finding(finding)) = exception.exception
            && let (Some(expected), Some(seen)) = (finding.expected, finding.seen)
        {
            told.push((finding.kind, expected, seen));
        }
    }
    (runs[0].number, told)
}

#[test]
fn late_rows_that_a_scheduled_run_tells_are_captured_by_a_backfill() {
    let world = World::anywhere(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let runtime = Runtime::new().unwrap();
    let clock = Clock::standing_at(time("2025-03-11T00:59:00Z").into());
    let mut services = runtime.block_on(Services::start(&world.sandbox, &clock));
    let request = PutConnectorRequest {
        connector_file: connector(&world.sandbox).to_toml().unwrap(),
        schedule: true,
        max_part_bytes: 0,
        ..PutConnectorRequest::default()
    };
    let put = runtime.block_on(services.control.put_connector(request));
    let id = put.unwrap().into_inner().connector;
    let mut run_at = |now, until| {
        world.fill();
        clock.set(time(now).into());
        runtime.block_on(covered(&mut services.control, time(until)));
    };
    run_at("2025-03-11T01:00:00Z", "2025-03-11T00:00:00Z");
    world.chat(0, 0, &[(2, "bob", "slate")]);

    run_at("2025-03-12T01:00:00Z", "2025-03-12T00:00:00Z");
    let before = runtime.block_on(told(&services, &id));
    runtime.block_on(async {
        let mut control = services.control.clone();
        let request = BackfillRequest {
            connector: id.clone(),
            from: time("2025-03-10T00:00:00Z").as_second(),
            to: time("2025-03-11T00:00:00Z").as_second(),
            slice_days: 0,
            newest_first: false,
        };
        control.backfill(request).await.unwrap();
        loop {
            let request = ListBackfillsRequest {
                connector: id.clone(),
            };
            let listed = control.list_backfills(request).await.unwrap();
            if listed.into_inner().backfills[0].state() == BackfillState::Finished {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let after_backfill = runtime.block_on(told(&services, &id));
    world.fill();
    clock.set(time("2025-03-13T01:00:00Z").into());
    runtime.block_on(covered(&mut services.control, time("2025-03-13T00:00:00Z")));
    let after = runtime.block_on(told(&services, &id));

    assert_eq!(before, (2, vec![("late-rows".to_owned(), 2, 1)]));
    assert_eq!(world.how_often("ann@contoso.com", "slate"), 1);
    assert_eq!(after_backfill, (3, Vec::new()));
    // Nothing was new after it: no run stayed.
    assert_eq!(after, (3, Vec::new()));
    assert!(runtime.block_on(services.lifecycle.stop()));
}
