//! What only a Maildir does.

use chatkeep_mailbox_import::target::{OpenGate, Outcome};

use chatkeep_proto::v1::DeliveryState;

use crate::{
    bench::{Bench, assert_holds},
    support::{ANN, BOB, Lab, contents, expected, messages, store},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_maildir_takes_a_message_once_even_after_its_flags_have_changed() {
    let lab = Lab::maildir();
    let batch = messages(3);
    let mut mailbox = lab.open(ANN).await;
    store(&mut *mailbox, &batch).await;
    let cur = lab
        .folder
        .path()
        .join("mail")
        .join(ANN)
        .join(".Skype for Business/cur");
    for file in std::fs::read_dir(&cur).unwrap() {
        let path = file.unwrap().path();
        let name = path.to_str().unwrap().replace(":2,S", ":2,FS");
        std::fs::rename(&path, name).unwrap();
    }

    let appended = mailbox.append(&batch, &OpenGate).await;

    assert_eq!(appended.outcomes, [Outcome::AlreadyThere; 3]);
    assert_eq!(std::fs::read_dir(&cur).unwrap().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_maildir_store_each_message_once() {
    let lab = Lab::maildir();
    let batch = messages(40);
    let (mut first, mut second) = (lab.open(ANN).await, lab.open(ANN).await);

    let (one, two) = futures::join!(
        first.append(&batch, &OpenGate),
        second.append(&batch, &OpenGate)
    );

    let stored = |outcomes: &[Outcome]| {
        let stored = outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Stored);
        stored.count()
    };
    assert_eq!(stored(&one.outcomes) + stored(&two.outcomes), 40);
    assert_eq!(contents(&mut *first, &batch).await, expected(&batch));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_another_process_holds_is_put_off_alone() {
    let lab = Lab::maildir();
    let bench = Bench::new(&lab);
    let messages = bench.items(4, &[ANN, BOB]).await;
    let folder = lab.folder.path().join("mail").join(ANN);
    std::fs::create_dir_all(&folder).unwrap();
    let held = std::fs::File::create(folder.join("chatkeep.lock")).unwrap();
    held.lock().unwrap();

    bench.run().await.unwrap();

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 4);
    assert_holds(&lab, BOB, &messages).await;
    drop(held);
    bench.ledger.with(|state| {
        for (_, _, not_before) in state.outcomes.values_mut() {
            *not_before = 0;
        }
    });
    bench.run().await.unwrap();
    assert_eq!(bench.ledger.count(DeliveryState::Imported), 8);
    assert_holds(&lab, ANN, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_in_tmp_does_not_stay() {
    let lab = Lab::maildir();
    let mut mailbox = lab.open(ANN).await;
    let tmp = lab
        .folder
        .path()
        .join("mail")
        .join(ANN)
        .join(".Skype for Business/tmp");
    std::fs::write(tmp.join("abc.1.chatkeep"), "half a mess").unwrap();

    store(&mut *mailbox, &messages(1)).await;

    assert_eq!(std::fs::read_dir(tmp).unwrap().count(), 0);
}

#[tokio::test]
async fn no_mailbox_address_leads_out_of_the_folder() {
    let lab = Lab::maildir();

    for address in ["../ann", "..", "a/b@contoso.com", ".hidden"] {
        assert!(lab.target.open(address).await.is_err(), "{address}");
    }
}
