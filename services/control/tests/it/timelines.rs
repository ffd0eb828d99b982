//! Whatever happens, the windows of the runs that closed cover the line of time, without gap or overlap.

use chatkeep_proto::v1::{FailRequest, RunState, TaskKind};
use proptest::prelude::*;
use tonic::Code;

use crate::{
    calendar::{Calendar, days, hour},
    world::{World, conversation},
};

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Hours go by.
    Wait(i64),
    /// So many tasks are done.
    Work(usize),
    /// Control stops and starts again; queues are lost.
    Crash,
    /// A directory that cannot be read fails the run.
    Fail,
    Pause,
    Resume,
    /// Somebody cancels the newest run, and control stops.
    Cancel,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_i64..80).prop_map(Event::Wait),
        4 => (1_usize..12).prop_map(Event::Work),
        2 => Just(Event::Crash),
        2 => Just(Event::Fail),
        1 => Just(Event::Pause),
        2 => Just(Event::Resume),
        1 => Just(Event::Cancel),
    ]
}

async fn happen(mut calendar: Calendar, hours: &mut i64, event: Event) -> Calendar {
    match event {
        Event::Wait(more) => {
            *hours += more;
            calendar.clock.set(hour(100, *hours));
        }
        Event::Work(tasks) => {
            for _ in 0..tasks {
                let Some(task) = calendar.receive().await else {
                    break;
                };
                calendar.world.work(&calendar.lab, &task).await;
            }
        }
        Event::Crash => calendar = calendar.restart().await,
        Event::Fail => {
            if let Some(task) = calendar.receive().await {
                if task.kind() == TaskKind::Refresh {
                    let fail = FailRequest {
                        task: task.id,
                        reason: "read directory".to_owned(),
                    };
                    calendar.lab.ledger.clone().fail(fail).await.unwrap();
                } else {
                    calendar.world.work(&calendar.lab, &task).await;
                }
            }
        }
        Event::Pause => calendar.pause().await,
        Event::Resume => {
            calendar.resume().await;
        }
        Event::Cancel => {
            let last = calendar.summary().await.last_run;
            if let Err(refused) = calendar.cancel(last.map_or(1, |run| run.number)).await {
                // None was opened yet, or it has ended.
                let codes = [Code::NotFound, Code::FailedPrecondition];
                assert!(codes.contains(&refused.code()), "{refused}");
            }
            calendar = calendar.restart().await;
        }
    }
    calendar
}

/// The windows of covered runs, in the order in which they were opened.
async fn covered(calendar: &Calendar) -> Vec<(Option<i64>, Option<i64>)> {
    let runs = calendar.runs().await;
    let is_covered = |state: RunState| {
        use RunState::{NothingNew, Succeeded, SucceededWithExceptions};
        matches!(state, Succeeded | SucceededWithExceptions | NothingNew)
    };
    let covered = runs.iter().filter(|(_, state)| is_covered(*state));
    covered.map(|(run, _)| days(run)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn no_window_is_left_out_and_none_is_covered_twice(
        events in prop::collection::vec(event(), 4..14),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let people = ["ann@contoso.com", "bob@contoso.com"];
            let world = World::of((0..25).map(|number| conversation(number, &people)).collect());
            let mut calendar = Calendar::open(world, hour(100, 0)).await;
            let mut hours = 0;

            for event in events {
                calendar = happen(calendar, &mut hours, event).await;
            }
            calendar.resume().await;
            // A day later everything that waited was due again.
            hours += 25;
            calendar.clock.set(hour(100, hours));
            calendar.settle().await;

            let windows = covered(&calendar).await;
            prop_assert_eq!(windows[0].0, None);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].1, pair[1].0, "{:?}", &windows);
            }
            let last = windows.last().and_then(|(_, to)| *to).unwrap();
            prop_assert_eq!(calendar.summary().await.covered, Some(last * 86_400));
            prop_assert_eq!(last, 100 + (hours - 1) / 24);
            let archived = calendar.world.archived.lock().unwrap().clone();
            let once: std::collections::BTreeSet<_> = archived.iter().cloned().collect();
            prop_assert_eq!((archived.len(), once.len()), (50, 50));
            calendar.lab.stop().await;
            Ok(())
        })?;
    }
}
