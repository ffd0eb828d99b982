//! What a tenant lets one application do with one mailbox.

use std::time::Duration;

use chatkeep_proto::v1::DeliveryState;
use chatkeep_testkit::graph::{Fault, Kind, Options};

use super::Office;
use crate::{
    bench::assert_holds,
    company::import_all,
    support::{ANN, BOB, expected},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_mailbox_holds_nobody_up() {
    let office = Office::open();
    let bench = office.bench();
    let messages = bench.items(10, &[ANN, BOB]).await;
    // Ann's first message is the canary, and the second is refused for a long time.
    let fault = Fault::Fail {
        status: 429,
        after: Some(Duration::from_hours(1)),
    };
    office.tenant.faults().at(Kind::CreateMessage, 2, fault);

    bench.run().await.unwrap();

    assert_holds(&office.lab(), BOB, &messages).await;
    assert!(bench.ledger.count(DeliveryState::Waiting) > 0);
    assert_eq!(bench.ledger.with(|state| state.journal.len()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_four_requests_are_at_a_mailbox_and_none_is_wasted() {
    let office = Office::with(Options {
        latency: Duration::from_millis(20),
        ..Options::default()
    });
    let bench = office.bench();
    let messages = bench.items(100, &[ANN, BOB]).await;

    import_all(&bench).await;

    let counts = office.tenant.counts();
    assert_eq!(counts.most_concurrent, 4);
    assert_eq!(counts.throttled, 0);
    assert_eq!(counts.of(Kind::CreateMessage), 200);
    // Per mailbox: the folder is looked for and made; once: the canary is read back.
    assert_eq!(counts.total(), 200 + 2 * 2 + 1);
    assert_eq!(office.messages(BOB).len(), expected(&messages).len());
}
