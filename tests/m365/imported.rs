//! Many mailboxes of a tenant that throttles and fails.

use std::time::Duration;

use chatkeep_testkit::graph::{Fault, Kind};

use crate::{chance::setting, world::World};

/// 25 items each; `./test soak` asks for more.
fn mailboxes() -> usize {
    usize::try_from(setting("CHATKEEP_MAILBOXES", 200)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_arrives_once_in_every_mailbox_of_a_tenant_that_throttles_and_fails() {
    let world = World::of(mailboxes());
    let second = Some(Duration::from_secs(1));
    let faults = [
        (0.015, Fault::CommitThenDrop),
        (0.010, Fault::DropBeforeCommit),
        (0.010, Fault::CommitThenFail(503)),
        (0.005, Fault::LateCommit(Duration::from_secs(1))),
        (
            0.010,
            Fault::Fail {
                status: 429,
                after: second,
            },
        ),
        (
            0.005,
            Fault::Fail {
                status: 504,
                after: None,
            },
        ),
        (0.005, Fault::TokenExpired),
    ];
    for (seed, (probability, fault)) in (1..).zip(faults) {
        let plans = world.tenant.faults();
        plans.randomly(Kind::CreateMessage, probability, seed, fault);
    }
    let drop = Fault::CommitThenDrop;
    for kind in [Kind::ListFolders, Kind::CreateFolder, Kind::ListMessages] {
        world.tenant.faults().randomly(kind, 0.05, 99, drop);
    }

    let outcome = world.company.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(
        outcome.count("deliveries.imported"),
        world.company.deliveries() as u64
    );
    world.assert_archived();
    let counts = world.tenant.counts();
    let created = counts.of(Kind::CreateMessage);
    assert!(counts.faults * 20 >= created, "{counts:?}");
    // Asked although it was clear that the answer is no, or done and undone.
    let wasted = counts.throttled + counts.of(Kind::PermanentlyDelete);
    assert!(wasted * 50 < counts.total(), "{counts:?}");
    println!("{} deliveries, {counts:?}", world.company.deliveries());

    world.tenant.faults().clear();
    let verified =
        tokio::task::block_in_place(|| world.company.command(&["verify", "1"]).output().unwrap());
    let text = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(0), "{text}");
    let all = "0 missing, 0 altered, 0 extra copies, 0 not checked";
    assert!(text.contains(all) && text.contains("digest over"), "{text}");
}
