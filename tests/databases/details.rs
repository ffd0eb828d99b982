//! Call detail records beside the archiving database.

use chatkeep_testkit::tds::{Fault, When};
use serde_json::Value;

use crate::{
    sandbox::Outcome,
    world::{World, address, session_of, time},
};

const WITH_DETAILS: &str = "tls = \"none\"\ncdr = {}\n";
const FOCUS: &str = "sip:ann@contoso.com;gruu;opaque=app:conf:focus:id:0";

fn of_kind(outcome: &Outcome, kind: &str) -> Vec<Value> {
    let all = outcome.report["findings"].as_array().unwrap().iter();
    let findings = all.filter(|finding| finding["kind"] == kind);
    findings.cloned().collect()
}

/// Bob and Ann talk; Cem hears the second message, and came before it.
fn meeting(world: World) -> World {
    world.connect(WITH_DETAILS);
    let lines: [(i64, &str, &str, &[&str]); 2] = [
        (10, "bob", "granite", &["ann"]),
        (30, "ann", "marble", &["bob", "cem"]),
    ];
    world.meeting(0, &lines);
    let details = &world.pools[0].details;
    // Numbers of users are other ones here.
    details.user("nobody@contoso.com");
    details.conference(session_of(5), FOCUS, (time(0), time(60)));
    for (name, joined, left) in [("ann", 1, 50), ("bob", 2, 55), ("cem", 20, 40)] {
        let user = details.user(&address(name));
        details.stay(session_of(5), user, (time(joined), Some(time(left))));
    }
    world
}

#[test]
fn late_joiners_of_a_conference_came_when_the_records_say_it() {
    let world = meeting(World::anywhere(1));

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.rendered"), 2);
    let text = world.sandbox.mails("cem.can@contoso.com")[0].text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains('*')).collect();
    let place = |words: &str| {
        text.find(words)
            .unwrap_or_else(|| panic!("{words}: {text}"))
    };
    assert_eq!(
        lines.iter().filter(|line| line.ends_with("joined")).count(),
        3
    );
    assert_eq!(
        lines.iter().filter(|line| line.ends_with("left")).count(),
        3
    );
    assert!(place("conference started") < place("granite"));
    let cem = lines
        .iter()
        .find(|line| line.contains("Cem") || line.contains("cem"));
    assert!(cem.unwrap().contains("08:00:20"), "{text}");
    assert!(place("marble") < place("conference ended"));
}

#[test]
fn records_that_cannot_be_had_stop_nothing_and_are_told_once() {
    let world = meeting(World::anywhere(1));
    world.pools[0].details.drop_table("FocusJoinsAndLeaves");
    world.fill();
    let check = world.sandbox.run(&["check", "connector.toml"]);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.rendered"), 2);
    let told = of_kind(&outcome, "cdr-unavailable");
    assert_eq!(told.len(), 1, "{outcome:?}");
    assert!(
        told[0]["advice"]
            .as_str()
            .unwrap()
            .contains("FocusJoinsAndLeaves")
    );
    assert!(check.stdout.contains("call detail records"), "{check:?}");
}

#[test]
fn records_that_are_lost_on_the_way_stop_nothing_either() {
    let world = meeting(World::new(1));
    let faults = world.pools[0].server.faults();
    faults.set_at("cdr-joins", When::Always, Fault::Cut { rows: 1 });

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.rendered"), 2);
    assert_eq!(of_kind(&outcome, "cdr-unavailable").len(), 1, "{outcome:?}");
    let text = world.sandbox.mails("cem.can@contoso.com")[0].text();
    assert!(!text.contains("conference started"), "{text}");
}

#[test]
fn messages_that_only_the_records_counted_are_told_by_the_hour_of_their_sessions() {
    let world = World::anywhere(1);
    world.connect(WITH_DETAILS);
    world.chat(0, 0, &[(1, "ann", "granite"), (2, "bob", "marble")]);
    world.chat(0, 3_600, &[(3_601, "ann", "basalt")]);
    let details = &world.pools[0].details;
    details.session(session_of(0), (1, 1), time(10));
    details.session(session_of(3_600), (1, 2), time(3_700));
    // It goes on; nobody knows how many there will be.
    details.session(session_of(50), (9, 9), time(400_000));

    let outcome = world.archive_all();

    let told = of_kind(&outcome, "cdr-more-messages");
    assert_eq!(told.len(), 1, "{outcome:?}");
    let subject = told[0]["subject"].as_str().unwrap();
    assert!(
        subject.ends_with("lcscdr Messages 2025-03-10T09:00:00Z"),
        "{subject}"
    );
    assert_eq!(
        (&told[0]["expected"], &told[0]["seen"]),
        (&3.into(), &1.into())
    );
}

#[test]
fn messages_of_conferences_are_compared_as_well() {
    let world = meeting(World::anywhere(1));
    let details = &world.pools[0].details;
    let ann = details.user(&address("ann"));
    details.conference_messages(session_of(5), ann, 3);

    let outcome = world.archive_all();

    let told = of_kind(&outcome, "cdr-more-messages");
    assert_eq!(told.len(), 1, "{outcome:?}");
    assert!(
        told[0]["subject"]
            .as_str()
            .unwrap()
            .contains("ConferenceMessages")
    );
}
