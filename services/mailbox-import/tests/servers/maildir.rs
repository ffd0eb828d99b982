//! What only a Maildir does.

use chatkeep_mailbox_import::target::{OpenGate, Outcome};

use crate::support::{ANN, Lab, contents, expected, messages, store};

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
