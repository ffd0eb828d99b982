//! A disk that runs full at any point: the call fails and says what to do, nothing is half done, and the
//! next call goes on once there is room.

use std::{collections::BTreeMap, path::Path};

use crate::sandbox::{Mail, Outcome, Sandbox};

/// More than the sample company needs, in KiB.
const ENOUGH: u32 = 16 << 10;

fn company() -> Sandbox {
    Sandbox::copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso"))
}

/// What lies in the mailboxes when nothing went wrong.
fn undisturbed() -> BTreeMap<String, Vec<Mail>> {
    let sandbox = company();
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    sandbox.all_mails()
}

/// Whether every mail is one of `all`, and none stands twice.
fn are_some_of(mails: &BTreeMap<String, Vec<Mail>>, all: &BTreeMap<String, Vec<Mail>>) -> bool {
    mails.iter().all(|(mailbox, mails)| {
        let is_known = |mail: &Mail| all.get(mailbox).is_some_and(|all| all.contains(mail));
        mails.iter().all(is_known) && mails.windows(2).all(|two| two[0] != two[1])
    })
}

/// Calls `archive` with a little more room each time, from so many KiB until there is enough; what each
/// call before came to. The steps are small: everybody is to run out of room once.
fn archive_step_by_step(
    sandbox: &Sandbox,
    data_dir: &str,
    mut room: u32,
) -> (Vec<Outcome>, Outcome) {
    let all = undisturbed();
    let mut failed = Vec::new();
    while room < ENOUGH {
        sandbox.disk().resize(&format!("{room}k")).unwrap();
        let mut command =
            sandbox.command(&["archive", "connector.toml", "--report", "report.json"]);
        command.args(["--data-dir", data_dir]);
        command.env("CHATKEEP__ARCHIVE__PATIENCE", "300ms");
        let outcome = sandbox.archive_by(&mut command);
        let mails = sandbox.all_mails();
        assert!(are_some_of(&mails, &all), "{room}k: something half done");
        if outcome.code != Some(1) {
            assert!(mails == all, "{room}k: other mails than with enough room");
            return (failed, outcome);
        }
        failed.push(outcome);
        room += room / 10;
    }
    panic!("not even with {ENOUGH}k: {:?}", failed.last());
}

fn assert_closed_as_planned(outcome: &Outcome) {
    outcome.assert_closed();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.count("records.quarantined"), 0, "{outcome:?}");
    assert_eq!(outcome.count("deliveries.imported"), 109, "{outcome:?}");
}

#[test]
fn a_full_disk_under_ledger_and_staging_only_delays() {
    let sandbox = company().with_small_disk("state", "32k");

    let (failed, done) = archive_step_by_step(&sandbox, "state", 256);

    assert_closed_as_planned(&done);
    for outcome in &failed {
        let said = &outcome.stderr;
        assert!(said.contains("/state"), "where? {said}");
        assert!(said.contains("full") || said.contains("No space"), "{said}");
        assert!(said.contains("call"), "what to do? {said}");
    }
    // It ran full while it worked, not only at its start.
    for service in ["ingestion", "conversion"] {
        let waited = format!("{service} has waited");
        let is_it = |outcome: &Outcome| outcome.stderr.contains(&waited);
        assert!(failed.iter().any(is_it), "{service} never ran out of room");
    }
}

#[test]
fn a_full_disk_under_the_mailboxes_only_delays() {
    let sandbox = company().with_small_disk("mailboxes", "32k");

    let (failed, done) = archive_step_by_step(&sandbox, ".chatkeep", 64);

    assert_closed_as_planned(&done);
    assert!(failed.len() > 3, "{failed:?}");
    for outcome in &failed {
        let said = &outcome.stderr;
        assert!(said.contains("mailbox-import has waited"), "{said}");
        assert!(said.contains("/mailboxes: No space"), "where? {said}");
        assert!(said.contains("call the command again"), "{said}");
    }
}
