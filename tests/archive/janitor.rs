//! Losing the staging of a finished run loses nothing.

use std::{fs, path::Path, sync::Arc, time::Duration};

use chatkeep_control::{JanitorSettings, Settings};
use chatkeep_model::connector::HoldFor;
use chatkeep_pipeline::MemoryQueue;
use chatkeep_runtime::Lifecycle;
use chatkeep_staging::Staging;

use crate::sandbox::{Outcome, Sandbox};

const DORA: &str =
    "dora@contoso.com,Dora Day,dora@contoso.com,SMTP:dora@contoso.com,sip:dora@contoso.com\n";

/// What lies in staging, by key, without what always stays: the sign of its ledger, snapshots of directories.
fn staged(sandbox: &Sandbox) -> Vec<String> {
    let staging = sandbox.path(".chatkeep/staging");
    let mut keys = Vec::new();
    collect(&staging, &staging, &mut keys);
    keys.retain(|key| !key.starts_with("ledger/") && !key.starts_with("directory/"));
    keys.sort();
    keys
}

fn collect(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, keys);
        } else {
            let key = path.strip_prefix(root).unwrap();
            keys.push(key.to_str().unwrap().to_owned());
        }
    }
}

/// Runs control until nothing is left in staging but what is kept: everything may go at once.
fn clear(sandbox: &Sandbox) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Settings {
        janitor: JanitorSettings {
            after: HoldFor::Time(Duration::ZERO),
            every: Duration::from_millis(20),
            orphans_after: Duration::ZERO,
            ..JanitorSettings::default()
        },
        ..Settings::default()
    };
    runtime.block_on(async {
        let data_dir = sandbox.path(".chatkeep");
        let lifecycle = Lifecycle::detached();
        let staging = Staging::folder(&data_dir.join("staging")).unwrap();
        let queue = Arc::new(MemoryQueue::default());
        let control = chatkeep_control::start(&settings, &data_dir, queue, staging, &lifecycle);
        let _servers = control.await.unwrap();
        let poll = async {
            loop {
                let left = staged(sandbox);
                if left.iter().all(|key| key.starts_with("kept/")) {
                    return left;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let left = tokio::time::timeout(Duration::from_mins(1), poll).await;
        assert!(lifecycle.stop().await);
        left.unwrap()
    })
}

fn verified(sandbox: &Sandbox, run: &str) -> Outcome {
    let outcome = sandbox.run(&["verify", run]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome
}

/// Ann's mails with Bob and Dora; Dora's mailbox is not known, one file cannot be read.
fn archived() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "granite"), ("bob", "hi")]);
    sandbox.session("b", 1, &[("ann", "marble"), ("dora", "hi")]);
    sandbox.write("exports/broken.eml", BROKEN);
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("deliveries.held"), 1);
    sandbox
}

const BROKEN: &str = "From: ann@contoso.com\r\nSubject: Conv";

fn deliver_to_dora(sandbox: &Sandbox) {
    let directory = fs::read_to_string(sandbox.path("directory.csv")).unwrap();
    sandbox.write("directory.csv", directory + DORA);
    let delivered = sandbox.run(&["deliver-held"]);
    assert_eq!(delivered.code, Some(0), "{delivered:?}");
}

#[test]
fn what_is_left_to_do_is_done_after_the_staging_of_its_run_was_emptied() {
    let sandbox = archived();

    let kept = clear(&sandbox);

    let is_kept = |kind: &str| kept.iter().any(|key| key.starts_with(kind));
    assert!(
        is_kept("kept/items/") && is_kept("kept/quarantine/"),
        "{kept:?}"
    );
    verified(&sandbox, "1");
    deliver_to_dora(&sandbox);
    let retried = sandbox.run(&["retry", "1"]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    sandbox.session("c", 2, &[("ann", "basalt"), ("bob", "hi")]);
    let supplement = sandbox.archive();
    assert_eq!(supplement.code, Some(0), "{supplement:?}");
    assert_eq!(supplement.count("records.rendered"), 1);
    let mails = ["ann", "bob", "dora"].map(|name| sandbox.mails(&format!("{name}@contoso.com")));
    assert_eq!(mails.map(|mails| mails.len()), [3, 2, 1]);
    for run in ["1", "3"] {
        let verified = verified(&sandbox, run);
        assert!(
            verified.stdout.contains(" 0 missing"),
            "{}",
            verified.stdout
        );
    }
}

#[test]
fn what_was_kept_for_deliveries_goes_with_the_last_of_them() {
    let sandbox = archived();
    clear(&sandbox);
    deliver_to_dora(&sandbox);

    let mut left = clear(&sandbox);
    // The pass that has emptied the rest may have come too early for this.
    while left.iter().any(|key| key.starts_with("kept/items/")) {
        left = clear(&sandbox);
    }

    // What nobody could read is there for good, and the list of exceptions says where.
    assert_eq!(left.len(), 1, "{left:?}");
    let failed = sandbox.run(&["failed", "1"]);
    assert!(failed.stdout.contains(&left[0]), "{}", failed.stdout);
    let original = fs::read(sandbox.path(".chatkeep/staging").join(&left[0]));
    assert_eq!(original.unwrap(), BROKEN.as_bytes());
}

#[test]
fn an_item_names_the_blobs_that_are_left_of_it() {
    let sandbox = archived();
    let mails = sandbox.mails("ann@contoso.com");
    let id = mails[0].header("Message-ID").unwrap();
    let before = sandbox.run(&["item", &id]).stdout;
    assert!(before.contains("staging/batch/") && before.contains("staging/items/"));

    clear(&sandbox);

    let after = sandbox.run(&["item", &id]).stdout;
    assert!(!after.contains("staging/batch/"), "{after}");
    assert!(after.contains("staging/kept/items/"), "{after}");
}

#[test]
fn commands_that_report_delete_nothing() {
    let sandbox = archived();
    let before = staged(&sandbox);

    for command in [
        &["runs"][..],
        &["failed", "1"],
        &["log", "1"],
        &["verify", "1"],
    ] {
        let mut command = sandbox.command(command);
        for (key, value) in [("AFTER", "0s"), ("ORPHANS_AFTER", "0s"), ("EVERY", "1ms")] {
            command.env(format!("CHATKEEP__CONTROL__JANITOR__{key}"), value);
        }
        assert_eq!(command.output().unwrap().status.code(), Some(0));
    }

    assert_eq!(staged(&sandbox), before);
}
