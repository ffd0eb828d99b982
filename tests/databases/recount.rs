//! Hours that were read before are counted again.

use chatkeep_testkit::tds::{Fault, When};

use crate::{sandbox::Outcome, world::World};

/// Counts again as far back as there is something.
const RECOUNT: &str = "tls = \"none\"\nrecount = \"50000h\"\n";

/// Subject, expected, seen of the findings of a kind.
fn findings(outcome: &Outcome, kind: &str) -> Vec<(String, Option<u64>, Option<u64>)> {
    let all = outcome.report["findings"].as_array().unwrap().iter();
    let of_kind = all.filter(|finding| finding["kind"] == kind);
    of_kind
        .map(|finding| {
            let subject = finding["subject"].as_str().unwrap().to_owned();
            (
                subject,
                finding["expected"].as_u64(),
                finding["seen"].as_u64(),
            )
        })
        .collect()
}

#[test]
fn quirk_rows_committed_late_are_captured_inside_the_overlap_and_told_outside_of_it() {
    let world = World::new(1);
    world.connect("tls = \"none\"\nrecount = \"50000h\"\noverlap = \"1000000h\"\n");
    world.chat(0, 0, &[(1, "ann", "granite"), (5, "bob", "marble")]);
    world.archive_all();

    world.chat(0, 0, &[(3, "ann", "basalt")]);
    let inside = world.archive_all();
    world.connect(RECOUNT);
    world.chat(0, 0, &[(4, "bob", "slate"), (3_600, "ann", "gneiss")]);
    let outside = world.archive_all();

    assert!(findings(&inside, "late-rows").is_empty());
    assert_eq!(world.how_often("ann@contoso.com", "basalt"), 1);
    assert_eq!(world.how_often("ann@contoso.com", "slate"), 0);
    let port = world.pools[0].server.port();
    let hour = |hour| format!("127.0.0.1:{port} lcslog Messages 2025-03-10T{hour}:00:00Z");
    let expected = [
        (hour("08"), Some(4), Some(3)),
        (hour("09"), Some(1), Some(0)),
    ];
    assert_eq!(findings(&outside, "late-rows"), expected);
    assert!(outside.stdout.contains("late-rows"), "{outside:?}");
}

#[test]
fn late_rows_are_captured_by_the_command_that_their_finding_names() {
    let world = World::anywhere(1);
    world.connect(RECOUNT);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.archive_all();
    world.chat(0, 0, &[(3, "ann", "basalt")]);
    let told = world.archive_all();

    let window = ["--from", "2025-03-10", "--to", "2025-03-11"];
    let captured = world.archive_with(&window);
    let after = world.archive();

    let command = window.join(" ");
    assert!(told.stdout.contains(&command), "{told:?}");
    assert_eq!(captured.code, Some(0), "{captured:?}");
    assert_eq!(captured.count("records.duplicates"), 1);
    assert_eq!(captured.count("records.rendered"), 1);
    for words in ["granite", "basalt"] {
        assert_eq!(world.how_often("ann@contoso.com", words), 1, "{words}");
    }
    assert!(after.stdout.contains("nothing new"), "{after:?}");
}

#[test]
fn rows_that_vanish_within_their_retention_are_told() {
    for (days, told) in [(2_562, 1), (1, 0)] {
        let world = World::anywhere(1);
        world.connect(&format!("{RECOUNT}retention = {{ days = {days} }}\n"));
        world.chat(0, 0, &[(1, "ann", "granite"), (2, "bob", "marble")]);
        world.archive_all();
        world.pools[0].database.purge_before(crate::world::time(2));

        let outcome = world.archive();

        let gone = outcome.report["findings"].as_array().unwrap();
        let gone = gone.iter().filter(|finding| finding["kind"] == "rows-gone");
        assert_eq!(gone.count(), told, "{days} days: {outcome:?}");
    }
}

#[test]
fn hours_that_cannot_be_counted_cost_nothing_but_a_finding() {
    let world = World::new(1);
    world.connect(RECOUNT);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.archive_all();
    let refused = Fault::Error {
        number: 229,
        class: 14,
        message: "no".to_owned(),
    };
    let faults = world.pools[0].server.faults();
    faults.set_at("messages-hours", When::Always, refused);

    let outcome = world.archive_all();

    assert_eq!(findings(&outcome, "recount-failed").len(), 1, "{outcome:?}");
}

#[test]
fn findings_show_in_every_list_and_change_no_status() {
    let world = World::anywhere(1);
    world.connect(RECOUNT);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.archive_all();
    world.chat(0, 0, &[(3, "ann", "basalt")]);
    world.archive_all();

    let runs = world.sandbox.run(&["runs"]);
    let failed = world.sandbox.run(&["failed", "2"]);
    let log = world.sandbox.run(&["log", "2", "--format", "json"]);

    assert!(runs.stdout.contains("succeeded, "), "{runs:?}");
    assert!(failed.stdout.contains("finding\tlate-rows"), "{failed:?}");
    let log: serde_json::Value = serde_json::from_str(&log.stdout).unwrap();
    assert_eq!(log["findings"][0]["kind"], "late-rows");
}

#[test]
fn a_report_says_whom_and_what_it_covers() {
    let world = World::anywhere(2);
    world.sandbox.write(
        "directory.csv",
        "userPrincipalName,displayName,mail,proxyAddresses,sipAddress,exchangeArchiving\n\
         ann@contoso.com,Ann,ann@contoso.com,,sip:ann@contoso.com,\n\
         bob@contoso.com,Bob,bob@contoso.com,,sip:bob@contoso.com,\n\
         cem@contoso.com,Cem,cem.can@contoso.com,,sip:cem@contoso.com,true\n\
         fax@contoso.com,Fax,fax@contoso.com,,,\n",
    );
    world.chat(0, 0, &[(1, "ann", "granite")]);

    let outcome = world.archive_all();

    let counts = ["users", "enabled", "seen", "in_exchange"];
    let counts = counts.map(|count| outcome.count(&format!("coverage.{count}")));
    assert_eq!(counts, [4, 3, 2, 1]);
    let sources = outcome.report["coverage"]["sources"].as_array().unwrap();
    let records: Vec<_> = sources.iter().map(|source| &source["records"]).collect();
    assert_eq!(records, [1, 0]);
    let never = sources[0]["never"].as_array().unwrap();
    assert!(
        never
            .iter()
            .any(|what| what == "files sent from user to user")
    );
    let silent = findings(&outcome, "silent-source");
    assert_eq!(silent.len(), 1, "{outcome:?}");
    assert!(silent[0].0.starts_with("source 2, archiving-database"));
    assert!(
        outcome
            .stdout
            .contains("of 3 users with a SIP address 2 took part")
    );
}
