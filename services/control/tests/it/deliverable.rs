//! Whatever happens in whatever order: what can be delivered has its bytes.

use std::collections::BTreeSet;

use chatkeep_proto::v1::RunState;
use proptest::prelude::*;

use crate::{
    clearing::{at_once, cleared, deliver_held, retry, staged, until},
    lab::Lab,
    properties::{conversations, fate},
    world::{Conversation, World},
};

/// What happens between two looks.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The cause of failures is gone, and they are tried again.
    Retry,
    /// Whoever was not known gets a mailbox.
    Learn,
    /// More is captured.
    Capture,
    /// Everything is looked through and cleared.
    Clear,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Retry),
        Just(Event::Learn),
        Just(Event::Capture),
        Just(Event::Clear),
    ]
}

/// Works until a run is over, also when everything fails alike.
async fn to_the_end(lab: &Lab, world: &World, run: i64) {
    if world.drive(lab, run).await == RunState::Paused {
        lab.open_run().await;
        world.drive(lab, run).await;
    }
}

async fn happen(lab: &Lab, world: &mut World, event: Event, more: &mut Vec<Conversation>) {
    match event {
        Event::Retry => {
            world.mailboxes.clear();
            for number in 1.. {
                let Some(retried) = retry(lab, number).await else {
                    break;
                };
                if retried.deliveries > 0 {
                    to_the_end(lab, world, retried.run).await;
                }
            }
        }
        Event::Learn => {
            world
                .directory
                .insert("unknown@contoso.com", "unknown@contoso.com");
            let run = deliver_held(lab).await;
            to_the_end(lab, world, run).await;
        }
        Event::Capture => {
            world.conversations.extend(more.pop());
            let run = lab.open_run().await.run;
            to_the_end(lab, world, run).await;
        }
        Event::Clear => drop(cleared(lab).await),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    // The world's importer fails the test when a delivery that waits has no blob to read.
    #[test]
    fn every_delivery_that_becomes_possible_finds_its_bytes(
        conversations in conversations(),
        mut more in conversations(),
        fates in prop::collection::vec(fate(), 4),
        events in prop::collection::vec(event(), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let lab = Lab::open_with(folder.path(), &at_once()).await;
            let mut world = staged(conversations);
            world.mailboxes = world.directory.keys().copied().zip(fates).collect();
            let run = lab.open_run().await.run;
            to_the_end(&lab, &world, run).await;

            for event in events.into_iter().chain([Event::Retry, Event::Learn, Event::Clear]) {
                happen(&lab, &mut world, event, &mut more).await;
            }

            let archived = world.archived.lock().unwrap().clone();
            let once: BTreeSet<_> = archived.iter().collect();
            prop_assert_eq!(once.len(), archived.len(), "archived twice");
            // Everything is delivered.
            until(&lab, |keys| !keys.iter().any(|key| key.starts_with("kept/items/"))).await;
            lab.stop().await;
            Ok(())
        })?;
    }
}
