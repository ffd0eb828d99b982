use std::fs;

use serde_json::Value;

use crate::sandbox::{Outcome, Sandbox};

/// Two runs, the second with another connector file.
fn archived() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    assert_eq!(sandbox.archive().code, Some(0));
    sandbox.session("b", 1, &[("ann", "again"), ("bob", "bye")]);
    sandbox.edit_connector("[target]", "[schedule]\nat = \"05:00\"\n\n[target]");
    assert_eq!(sandbox.archive().code, Some(0));
    sandbox
}

fn exported(sandbox: &Sandbox) -> Vec<Value> {
    let export = sandbox.run(&["audit", "export", "trail.jsonl"]);
    assert_eq!(export.code, Some(0), "{export:?}");
    let lines = fs::read_to_string(sandbox.path("trail.jsonl")).unwrap();
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

fn verify_export(sandbox: &Sandbox) -> Outcome {
    sandbox.run(&["audit", "verify", "--from", "trail.jsonl"])
}

#[test]
fn what_commands_change_is_in_the_audit_trail_by_the_systems_user() {
    let sandbox = archived();

    let entries = exported(&sandbox);

    let actions: Vec<_> = entries.iter().map(|it| it["action"].as_str()).collect();
    let awaited = [
        "connector.create",
        "run.open",
        "connector.update",
        "run.open",
    ];
    assert_eq!(actions, awaited.map(Some));
    for entry in &entries {
        let subject = entry["subject"].as_str().unwrap();
        assert!(subject.starts_with("cli:"), "{subject}");
    }
    let detail: Value = serde_json::from_str(entries[2]["detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["changed"]["schedule.at"]["after"], "05:00");
}

#[test]
fn a_whole_trail_is_verified_in_the_ledger_and_in_its_export() {
    let sandbox = archived();
    let head = exported(&sandbox)[3]["hash"].clone();
    let head = head.as_str().unwrap();

    for outcome in [sandbox.run(&["audit", "verify"]), verify_export(&sandbox)] {
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stdout.contains("entry 1 to entry 4"), "{outcome:?}");
        assert!(outcome.stdout.contains(head), "{outcome:?}");
    }
}

#[test]
fn an_export_that_was_altered_is_broken_where_it_was() {
    let sandbox = archived();
    exported(&sandbox);
    let lines = fs::read_to_string(sandbox.path("trail.jsonl")).unwrap();
    sandbox.write("trail.jsonl", lines.replacen("run.open", "run.look", 1));

    let outcome = verify_export(&sandbox);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("entry 2"), "{}", outcome.stderr);
}

#[test]
fn where_there_is_no_ledger_none_is_made() {
    let sandbox = Sandbox::new();

    let outcome = sandbox.run(&["audit", "verify"]);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("no ledger"), "{}", outcome.stderr);
    assert!(!sandbox.path(".chatkeep").exists());
}
