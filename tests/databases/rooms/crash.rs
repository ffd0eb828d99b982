//! kill -9 while a database is read.

use std::{
    collections::BTreeMap, os::unix::process::ExitStatusExt as _, process::Stdio, time::Duration,
};

use chatkeep_testkit::tds::{Fault, When};

use super::{Rooms, morning};
use crate::{
    chance::{seeded, setting},
    sandbox::Mail,
};

/// Where the program is killed by name.
const POINTS: [&str; 8] = [
    "staged",
    "recorded",
    "converted",
    "planned",
    "journaled",
    "linked",
    "done",
    "sealed",
];
const ROOMS: i64 = 4;
const MESSAGES: i64 = 150;

/// Rooms full of numbered messages, read in pages so small that one task does not read them all.
fn busy() -> Rooms {
    let rooms = Rooms::new();
    let mut all = vec![rooms.room];
    all.extend((1..ROOMS).map(|number| rooms.mgc.room(&format!("Room {number}"))));
    for (number, room) in (0..).zip(&all) {
        for message in 0..MESSAGES {
            let at = morning(1 + message % 3) + message;
            rooms.mgc.say(
                *room,
                rooms.ann,
                at,
                &format!("message {number}-{message}."),
            );
        }
    }
    rooms.write_connector("page_size = 7\n");
    rooms
}

/// Every message is in Ann's mailbox, once.
fn assert_exactly_once(rooms: &Rooms) {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for mail in rooms.sandbox.mails("ann@contoso.com") {
        let text = mail.text();
        let words = text.split("message ").skip(1);
        for word in words.filter_map(|word| word.split('.').next()) {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(counts.len(), usize::try_from(ROOMS * MESSAGES).unwrap());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn deadlocks_and_connections_that_break_cost_no_message() {
    let rooms = busy();
    let faults = rooms.server.faults();
    faults.set_at("room-messages", When::Nth(2), Fault::deadlock());
    faults.set_at("room-messages", When::Nth(5), Fault::Cut { rows: 3 });
    faults.set_at("room-messages", When::Nth(20), Fault::Cut { rows: 0 });

    let outcome = rooms.archive();

    assert_eq!(outcome.count("records.duplicates"), 0, "{outcome:?}");
    assert_exactly_once(&rooms);
}

#[test]
fn whenever_the_program_is_killed_every_message_is_archived_once() {
    let wanted = setting("CHATKEEP_KILLS", 12);
    let mut chance = seeded();
    let mut killed = 0;
    while killed < wanted {
        let rooms = busy();
        // Later from kill to kill, so that the last ones find something to interrupt, too.
        for longest in (100..).step_by(60).take(12) {
            let mut command = rooms.sandbox.command(&["archive", "connector.toml"]);
            let command = command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut program = command.spawn().unwrap();
            let wait = u64::try_from(chance.below(longest)).unwrap();
            std::thread::sleep(Duration::from_millis(wait));
            program.kill().unwrap();
            killed += u64::from(program.wait().unwrap().signal() == Some(9));
        }
        let outcome = rooms.sandbox.archive();

        assert!(matches!(outcome.code, Some(0 | 2)), "{outcome:?}");
        assert_exactly_once(&rooms);
    }
}

#[test]
fn killed_at_any_point_every_change_is_told_once() {
    for point in POINTS {
        let rooms = Rooms::new();
        let replaced = rooms.mgc.say(rooms.room, rooms.ann, morning(1), "secret");
        let removed = rooms.mgc.say(rooms.room, rooms.bob, morning(1) + 1, "hi");
        kill(&rooms, point);
        rooms.archive();
        rooms.mgc.replace(rooms.room, replaced, "replaced");
        rooms.mgc.remove(rooms.room, removed);

        kill(&rooms, point);
        rooms.archive();

        let texts = rooms.sandbox.mails("ann@contoso.com");
        let texts: Vec<_> = texts.iter().map(Mail::text).collect();
        let count =
            |words: &str| -> usize { texts.iter().map(|text| text.matches(words).count()).sum() };
        let counts = [
            "Ann Archer: secret",
            "edited a message",
            "deleted a message",
        ]
        .map(count);
        assert_eq!(counts, [1_usize, 1, 1], "{point}: {texts:?}");
    }
}

/// Archives until the program passes a point, where it is killed.
fn kill(rooms: &Rooms, point: &str) {
    let mut command = rooms.sandbox.command(&["archive", "connector.toml"]);
    let command = command.env("CHATKEEP_CRASH_AT", format!("{point}:1"));
    let output = command.output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{point}: {output:?}");
}
