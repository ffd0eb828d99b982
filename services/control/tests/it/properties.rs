use std::collections::BTreeSet;

use chatkeep_proto::v1::{DeliveryState, RunState};
use proptest::prelude::*;

use crate::{
    lab::Lab,
    world::{Conversation, World, conversation, item_id},
};

const PEOPLE: [&str; 6] = [
    "ann@contoso.com",
    "bob@contoso.com",
    "cid@contoso.com",
    "dora@contoso.com",
    "unknown@contoso.com",
    "eve@fabrikam.com",
];

pub(crate) fn conversations() -> impl Strategy<Value = Vec<Conversation>> {
    let one = (
        0_u32..40,
        prop::collection::btree_set(0..PEOPLE.len(), 1..4),
        0..8,
    );
    let one = one.prop_map(|(number, people, fate)| {
        let people: Vec<_> = people.into_iter().map(|index| PEOPLE[index]).collect();
        Conversation {
            is_broken: fate == 0,
            unreadable: (fate == 1).then_some("not an e-mail"),
            ..conversation(number, &people)
        }
    });
    prop::collection::vec(one, 1..40)
}

pub(crate) fn fate() -> impl Strategy<Value = (DeliveryState, &'static str)> {
    prop_oneof![
        4 => Just((DeliveryState::Imported, "")),
        1 => Just((DeliveryState::Skipped, "")),
        1 => Just((DeliveryState::PartiallyImported, "attachment")),
        1 => Just((DeliveryState::Failed, "quota")),
    ]
}

async fn run_to_the_end(lab: &Lab, world: &World) -> (i64, RunState) {
    let run = lab.open_run().await.run;
    let mut state = world.drive(lab, run).await;
    if state == RunState::Paused {
        // Everything failed alike: whoever resumes insists.
        lab.open_run().await;
        state = world.drive(lab, run).await;
    }
    (run, state)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn both_equations_close_whatever_happens_to_records_and_deliveries(
        conversations in conversations(),
        fates in prop::collection::vec(fate(), 4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let lab = Lab::open(folder.path()).await;
            let mut world = World::of(conversations);
            world.mailboxes = PEOPLE.into_iter().zip(fates).collect();

            let (_, state) = run_to_the_end(&lab, &world).await;

            let closed = matches!(
                state,
                RunState::Succeeded | RunState::SucceededWithExceptions | RunState::Paused
            );
            prop_assert!(closed, "{state:?}");
            let report = lab.report(1).await;
            let (records, deliveries) = (report.records.unwrap(), report.deliveries.unwrap());
            prop_assert_eq!(
                records.read,
                records.rendered + records.duplicates + records.excluded + records.quarantined
                    + records.open
            );
            prop_assert_eq!(
                deliveries.planned,
                deliveries.imported + deliveries.partially_imported + deliveries.skipped
                    + deliveries.failed + deliveries.held
            );
            prop_assert_eq!(records.read, world.conversations.len() as u64);
            let archived = world.archived.lock().unwrap().clone();
            let once: BTreeSet<_> = archived.iter().cloned().collect();
            prop_assert_eq!(once.len(), archived.len(), "archived twice");
            let ids: BTreeSet<_> = (0..40).map(item_id).collect();
            prop_assert!(once.iter().all(|(item, _)| ids.contains(item)));
            lab.stop().await;
            Ok(())
        })?;
    }
}
