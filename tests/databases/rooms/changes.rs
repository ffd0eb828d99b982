//! What becomes of messages that were archived before.

use super::{Rooms, morning};

/// Ann said "secret" and Bob answered, and both were archived; returns the number of what Ann said.
fn archived(rooms: &Rooms) -> i64 {
    let chat = rooms.mgc.say(rooms.room, rooms.ann, morning(1), "secret");
    rooms.mgc.say(rooms.room, rooms.bob, morning(1) + 1, "hi");
    rooms.archive();
    chat
}

#[test]
fn a_replaced_message_is_a_revision_that_names_the_first_item() {
    let rooms = Rooms::anywhere();
    let chat = archived(&rooms);
    let before = rooms.sandbox.mails("ann@contoso.com");
    rooms
        .mgc
        .replace(rooms.room, chat, "This message was replaced.");

    let outcome = rooms.archive();
    let again = rooms.archive();

    assert_eq!(outcome.count("records.rendered"), 1, "{outcome:?}");
    let revision = rooms.new_mail(&before);
    assert!(
        revision
            .text()
            .contains("Ann Archer edited a message: This message was replaced."),
        "{}",
        revision.text()
    );
    assert_eq!(
        revision.header("X-Chatkeep-Supersedes"),
        before[0].header("Message-ID")
    );
    // Nothing is taken away, and it is told once, to everybody who has the first item.
    let mails = rooms.sandbox.mails("ann@contoso.com");
    assert!(mails.contains(&before[0]));
    assert!(again.stdout.contains("nothing new"), "{again:?}");
    assert_eq!(rooms.sandbox.mails("bob@contoso.com").len(), 2);
}

#[test]
fn a_removed_message_is_a_revision_that_says_so() {
    let rooms = Rooms::anywhere();
    let chat = archived(&rooms);
    let before = rooms.sandbox.mails("ann@contoso.com");
    rooms.mgc.remove(rooms.room, chat);

    let outcome = rooms.archive();
    let again = rooms.archive();

    assert_eq!(outcome.count("records.rendered"), 1, "{outcome:?}");
    let revision = rooms.new_mail(&before);
    let text = revision.text();
    assert!(
        text.contains(&format!("Ann Archer deleted a message: number {chat}")),
        "{text}"
    );
    assert_eq!(
        revision.header("X-Chatkeep-Supersedes"),
        before[0].header("Message-ID")
    );
    assert!(again.stdout.contains("nothing new"), "{again:?}");
    assert_eq!(rooms.sandbox.mails("bob@contoso.com").len(), 2);
}

#[test]
fn a_message_that_is_replaced_twice_is_revised_twice() {
    let rooms = Rooms::anywhere();
    let chat = archived(&rooms);
    for text in ["one", "secret", "one"] {
        rooms.mgc.replace(rooms.room, chat, text);
        let outcome = rooms.archive();
        assert_eq!(outcome.count("records.rendered"), 1, "{outcome:?}");
    }
    assert_eq!(rooms.sandbox.mails("ann@contoso.com").len(), 4);
}

#[test]
fn a_removed_room_revises_what_was_said_in_it() {
    let rooms = Rooms::anywhere();
    archived(&rooms);
    let before = rooms.sandbox.mails("ann@contoso.com");
    rooms.mgc.remove_room(rooms.room);

    let outcome = rooms.archive();

    assert_eq!(outcome.count("records.rendered"), 2, "{outcome:?}");
    let revision = rooms.new_mail(&before);
    assert_eq!(
        revision.header("Subject").unwrap(),
        "Persistent chat room Project X"
    );
}

#[test]
fn what_is_older_than_it_is_read_again_is_left_as_it_was() {
    let rooms = Rooms::anywhere();
    let chat = rooms.mgc.say(rooms.room, rooms.ann, morning(9), "old");
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), "young");
    rooms.archive();
    rooms.mgc.remove(rooms.room, chat);

    let outcome = rooms.archive();

    assert!(outcome.stdout.contains("nothing new"), "{outcome:?}");
}

#[test]
fn a_message_that_is_committed_late_is_not_lost() {
    let rooms = Rooms::anywhere();
    let late = rooms.mgc.begin(rooms.room);
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), "first");
    rooms.archive();
    rooms
        .mgc
        .commit(rooms.room, late, (rooms.bob, morning(1)), "late");

    let outcome = rooms.archive();

    assert_eq!(outcome.count("records.rendered"), 1, "{outcome:?}");
    let mails = rooms.sandbox.mails("bob@contoso.com");
    assert!(mails[0].text().contains("Bob Baker: late"));
    assert_eq!(mails[0].header("X-Chatkeep-Supersedes"), None);
}

#[test]
fn the_only_message_of_a_room_may_be_committed_late() {
    let rooms = Rooms::anywhere();
    let late = rooms.mgc.begin(rooms.room);
    rooms.archive();
    rooms
        .mgc
        .commit(rooms.room, late, (rooms.bob, morning(1)), "late");

    rooms.archive();

    assert_eq!(rooms.sandbox.mails("bob@contoso.com").len(), 1);
}
