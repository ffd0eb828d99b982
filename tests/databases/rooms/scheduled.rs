//! Scheduled runs of a database: what was said on a day not yet over waits for the next one.

use jiff::Timestamp;

use super::Rooms;
use crate::scheduled_run::scheduled_run;

fn at(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_second()
}

#[test]
fn what_is_replaced_before_its_day_is_over_is_archived_with_what_it_was() {
    let rooms = Rooms::anywhere();
    let said = at("2026-09-15T08:00:00Z");
    let chat = rooms.mgc.say(rooms.room, rooms.ann, said, "secret");
    rooms.write_connector("");
    rooms.fill();
    let first = scheduled_run(&rooms.sandbox, "2026-09-15T13:00:00Z");
    rooms.mgc.replace(rooms.room, chat, "harmless");
    rooms.fill();
    let second = scheduled_run(&rooms.sandbox, "2026-09-15T14:00:00Z");
    let waiting = rooms.sandbox.mails("ann@contoso.com");

    rooms.fill();
    let third = scheduled_run(&rooms.sandbox, "2026-09-16T01:00:00Z");

    let records = [&first, &second].map(|ran| ran.report.records.unwrap());
    assert_eq!(records.map(|records| records.rendered), [0, 0]);
    assert_eq!(waiting.len(), 0);
    assert_eq!(third.report.records.unwrap().rendered, 2);
    let mails = rooms.sandbox.mails("ann@contoso.com");
    assert_eq!(mails.len(), 1);
    let text = mails[0].text();
    let lines = [
        "Ann Archer: secret",
        "Ann Archer edited a message: harmless",
    ];
    let places = lines.map(|line| text.find(line).unwrap());
    assert!(places[0] < places[1], "{text}");
    assert_eq!(mails[0].header("X-Chatkeep-Supersedes"), None);
}
