//! How messages of a room are shown that are no mere text.

use super::{Rooms, morning};

const STORED: &str = "0988239a-bb66-4616-90a4-b07771a2097c.txt";

/// What Ann reads of the room's only day.
fn read(rooms: &Rooms) -> String {
    rooms.archive();
    rooms.sandbox.mails("ann@contoso.com")[0].text()
}

#[test]
fn what_was_sent_as_an_alert_is_marked() {
    let rooms = Rooms::anywhere();
    rooms.mgc.alert(rooms.room, rooms.ann, morning(1), "fire");
    rooms.mgc.say(rooms.room, rooms.bob, morning(1) + 1, "out");

    let text = read(&rooms);

    assert!(text.contains("Ann Archer (important): fire"), "{text}");
    assert!(text.contains("Bob Baker: out"), "{text}");
}

#[test]
fn a_posted_file_is_told_by_its_name_and_by_the_name_it_is_stored_under() {
    let rooms = Rooms::anywhere();
    let link = format!("<a href=\"ma-filelink://contoso.com/x/{STORED}\">plan.txt</a>");
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), &link);

    let text = read(&rooms);

    let expected = format!("Ann Archer uploaded the file plan.txt, stored as {STORED}");
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn what_is_said_beside_a_link_to_a_file_is_not_lost() {
    let rooms = Rooms::anywhere();
    let link = format!("<a href=\"ma-filelink:{STORED}\">plan.txt</a> see page 7");
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), &link);

    let text = read(&rooms);

    assert!(
        text.contains("see page 7") && text.contains(STORED),
        "{text}"
    );
}
