use std::fs;

use crate::sandbox::{Outcome, Sandbox};

fn archived() -> Sandbox {
    let sandbox = Sandbox::new();
    for minute in 0..3 {
        let file = format!("{minute}");
        sandbox.session(&file, minute, &[("ann", "hello"), ("bob", "hi")]);
    }
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    sandbox
}

fn manifest(sandbox: &Sandbox) -> std::path::PathBuf {
    let seals = sandbox.path(".chatkeep/seals");
    let connector = fs::read_dir(seals).unwrap().next().unwrap().unwrap();
    let mut files: Vec<_> = fs::read_dir(connector.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.pop().unwrap()
}

fn verify_offline(sandbox: &Sandbox) -> Outcome {
    let manifest = manifest(sandbox);
    sandbox.run(&["verify", "--offline", manifest.to_str().unwrap()])
}

#[test]
fn check_changes_nothing_and_names_what_it_found() {
    let sandbox = Sandbox::new();

    let outcome = sandbox.run(&["check", "connector.toml"]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("3 users"), "{}", outcome.stdout);
    assert!(!sandbox.path(".chatkeep").exists());
    assert!(!sandbox.path("mailboxes").exists());
}

#[test]
fn runs_lists_what_was_done() {
    let outcome = archived().run(&["runs"]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("succeeded"), "{}", outcome.stdout);
}

#[test]
fn the_log_has_the_field_names_administrators_know() {
    let sandbox = archived();

    let csv = sandbox.run(&["log", "1"]);
    let json = sandbox.run(&["log", "1", "--format", "json"]);

    assert!(
        csv.stdout
            .starts_with("Import completion time (UTC),Items available from source,"),
        "{}",
        csv.stdout
    );
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["summary"]["Items available from source"], 3);
    assert_eq!(json["summary"]["Items imported"], 6);
}

#[test]
fn an_item_is_traced_from_its_file_to_its_mailboxes() {
    let sandbox = archived();
    let id = sandbox.mails("ann@contoso.com")[0]
        .header("Message-ID")
        .unwrap();

    let outcome = sandbox.run(&["item", &id]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains(".eml"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("ann@contoso.com: imported"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("bob@contoso.com: imported"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn verify_finds_a_mail_that_was_altered_and_one_that_is_gone() {
    let sandbox = archived();
    let good = sandbox.run(&["verify", "1"]);
    assert_eq!(good.code, Some(0), "{good:?}");
    let folder = sandbox.path("mailboxes/ann@contoso.com/.Skype for Business/cur");
    let mut files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (altered, gone) = (files.next().unwrap(), files.next().unwrap());
    let mut bytes = fs::read(&altered).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(altered, bytes).unwrap();
    fs::remove_file(gone).unwrap();

    let bad = sandbox.run(&["verify", "1"]);

    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.stdout.contains("1 altered"), "{}", bad.stdout);
    assert!(bad.stdout.contains("1 missing"), "{}", bad.stdout);
}

#[test]
fn a_manifest_that_was_touched_does_not_verify() {
    let sandbox = archived();
    let good = verify_offline(&sandbox);
    assert_eq!(good.code, Some(0), "{good:?}");
    let manifest = manifest(&sandbox);
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.remove(1);
    fs::write(&manifest, lines.join("\n") + "\n").unwrap();

    let bad = verify_offline(&sandbox);

    assert_eq!(bad.code, Some(1), "{bad:?}");
}

#[test]
fn copies_of_the_manifests_verify_by_themselves() {
    let sandbox = archived();
    sandbox.session("later", 9, &[("ann", "one more"), ("bob", "thanks")]);
    assert_eq!(sandbox.archive().code, Some(0));

    let copied = sandbox.run(&["seals", "--to", "copies"]);
    fs::remove_dir_all(sandbox.path(".chatkeep")).unwrap();
    let verified = sandbox.run(&["verify", "--offline", "copies/000002.jsonl"]);

    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.stdout.contains("2 manifests"), "{verified:?}");
}

#[test]
fn looking_before_anything_was_archived_says_what_to_do() {
    let outcome = Sandbox::new().run(&["runs"]);

    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("chatkeep archive"),
        "{}",
        outcome.stderr
    );
}
