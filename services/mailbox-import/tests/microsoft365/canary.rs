//! The first message of a process.

use chatkeep_mailbox_import::target::{OpenGate, Outcome, TargetError};
use chatkeep_testkit::graph::{Kind, Options, Quirk};

use crate::{
    support::{ANN, BOB, messages},
    tenant::Office,
};

#[tokio::test(flavor = "multi_thread")]
async fn where_messages_come_out_as_drafts_none_follows_the_first_and_it_does_not_stay() {
    let office = Office::with(Options {
        quirks: vec![Quirk::MakesDrafts],
        ..Options::default()
    });
    let lab = office.lab();
    let batch = messages(10);

    for mailbox in [ANN, BOB] {
        let appended = lab.open(mailbox).await.append(&batch, &OpenGate).await;

        let Some(TargetError::Setup { source }) = appended.stopped else {
            panic!("{:?}", appended.stopped);
        };
        assert!(source.to_string().contains("drafts"), "{source}");
        assert_eq!(appended.outcomes, [Outcome::NotStored; 10]);
        assert_eq!(office.stored(mailbox), []);
    }
    assert_eq!(office.tenant.counts().of(Kind::CreateMessage), 1);
}
