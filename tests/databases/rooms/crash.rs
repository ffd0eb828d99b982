//! kill -9 while a database is read.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use super::{Rooms, morning};

const ROOMS: i64 = 4;
const MESSAGES: i64 = 150;

#[test]
fn whenever_the_program_is_killed_every_message_is_archived_once() {
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

    for milliseconds in (20..).step_by(60).take(12) {
        let mut command = rooms.sandbox.command(&["archive", "connector.toml"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        program.kill().unwrap();
        program.wait().unwrap();
    }
    let outcome = rooms.sandbox.archive();

    assert!(matches!(outcome.code, Some(0 | 2)), "{outcome:?}");
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
