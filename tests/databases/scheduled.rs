//! Scheduled runs read on where the one before ended.

use chatkeep_control::Clock;
use chatkeep_proto::v1::PutConnectorRequest;
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
    let world = World::new(1);
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
    };
    runtime
        .block_on(services.control.put_connector(request))
        .unwrap();
    let mut run_at = |now, until| {
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
