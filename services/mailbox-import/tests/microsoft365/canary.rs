//! The first message of a process.

use chatkeep_mailbox_import::target::{OpenGate, Outcome, TargetError};
use chatkeep_testkit::graph::{Options, Quirk};

use crate::{
    company::{Company, Step},
    ews::Site,
    graph::Office,
    support::{ANN, BOB, messages, store},
    tags::TAG,
};

fn office(quirk: Quirk) -> Box<dyn Company> {
    Box::new(Office::with(Options {
        quirks: vec![quirk],
        ..Options::default()
    }))
}

/// Exchange that does something else with a message than it was told.
fn exchanges(quirk: Quirk, of_server: fn(&Site)) -> [Box<dyn Company>; 2] {
    let site = Site::open();
    of_server(&site);
    [office(quirk), Box::new(site)]
}

/// Asserts that nothing follows the first message in any mailbox, nor stays there, and why.
async fn assert_stops(company: &dyn Company, keys: &str, word: &str) {
    let lab = company.lab_with(keys);
    let batch = messages(10);
    let before = company.requests(Step::CreateItems);
    for mailbox in [ANN, BOB] {
        let appended = lab.open(mailbox).await.append(&batch, &OpenGate).await;

        let Some(TargetError::Setup { source }) = appended.stopped else {
            panic!("{} {:?}", company.name(), appended.stopped);
        };
        assert!(source.to_string().contains(word), "{source}");
        assert_eq!(appended.outcomes, [Outcome::NotStored; 10]);
        assert_eq!(company.stored(mailbox), []);
    }
    assert_eq!(company.requests(Step::CreateItems), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_messages_come_out_as_drafts_none_follows_the_first_and_it_does_not_stay() {
    for company in exchanges(Quirk::MakesDrafts, |site| site.server.pass_over_flags()) {
        assert_stops(&*company, "", "drafts").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_retention_tag_is_lost_none_follows_the_first_and_it_does_not_stay() {
    for company in exchanges(Quirk::DropsTags, |site| site.server.pass_over_tags()) {
        assert_stops(&*company, TAG, "target.tag").await;

        // Whoever names no tag is not held up.
        let batch = messages(3);
        store(&mut *company.lab().open(ANN).await, &batch).await;
        assert_eq!(company.stored(ANN).len(), batch.len());
    }
}
