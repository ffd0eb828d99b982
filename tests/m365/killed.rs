//! Killed while it imports.

use std::{process::Stdio, thread, time::Duration};

use chatkeep_testkit::graph::Kind;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_it_sends_leaves_nothing_out_and_doubles_nothing() {
    let world = World::of(60);

    for part in 1..=3 {
        let mut child = world
            .command(&["archive", "connector.toml"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let enough = part * world.deliveries() as u64 / 4;
        tokio::task::block_in_place(|| {
            while world.tenant.counts().of(Kind::CreateMessage) < enough {
                assert!(
                    child.try_wait().unwrap().is_none(),
                    "it has ended before it was killed"
                );
                thread::sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        });
    }
    let outcome = world.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    world.assert_archived();
}
