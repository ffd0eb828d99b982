use std::fs;

use crate::sandbox::{Sandbox, session};

#[test]
fn a_file_that_breaks_off_is_quarantined_whole_and_the_rest_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.session("good", 0, &[("ann", "hello"), ("bob", "hi")]);
    let broken = session(1, &[("ann", "this will be cut"), ("bob", "hi")]);
    let broken = &broken[..broken.len() - 40];
    sandbox.write("exports/broken.eml", broken);

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("records.quarantined"), 1);
    let quarantined = &outcome.report["quarantined"][0];
    assert!(
        quarantined["source"]
            .as_str()
            .unwrap()
            .ends_with("broken.eml")
    );
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
    let failed = sandbox.run(&["failed", "1"]);
    let key = failed.stdout.trim().rsplit('\t').next().unwrap();
    let kept = fs::read(sandbox.path(".chatkeep/staging").join(key)).unwrap();
    assert_eq!(kept, broken.as_bytes());
}

#[test]
fn foreign_files_are_ignored_and_counted() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.write("exports/Thumbs.db", "not a conversation");

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("1 not the source's"),
        "{}",
        outcome.stdout
    );
}

/// Calls `archive` and expects it to fail before it does anything.
fn refusal(sandbox: &Sandbox) -> String {
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(sandbox.all_mails().is_empty());
    outcome.stderr
}

#[test]
fn a_missing_folder_is_named() {
    let sandbox = Sandbox::new();
    fs::remove_dir(sandbox.path("exports")).unwrap();

    let message = refusal(&sandbox);

    assert!(message.contains("exports"), "{message}");
}

#[test]
fn an_unreadable_directory_is_named_with_its_line() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.write(
        "directory.csv",
        "userPrincipalName,displayName\nann@contoso.com\n",
    );

    let message = refusal(&sandbox);

    assert!(message.contains("directory.csv"), "{message}");
}

#[test]
fn an_unknown_key_is_named() {
    let sandbox = Sandbox::new();
    sandbox.edit_connector("[target]", "colour = \"red\"\n[target]");

    let message = refusal(&sandbox);

    assert!(message.contains("colour"), "{message}");
    assert!(message.contains("connector.toml"), "{message}");
}

#[test]
fn a_missing_connector_file_is_named() {
    let sandbox = Sandbox::new();

    let outcome = sandbox.run(&["archive", "nowhere.toml"]);

    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("nowhere.toml"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_mail_server_that_is_not_there_is_named() {
    let sandbox = Sandbox::into_target(
        "[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\npassword = \"env:PATH\"\n",
    );
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);

    let message = refusal(&sandbox);

    assert!(message.contains("127.0.0.1"), "{message}");
}

#[test]
fn id_and_domain_are_fixed_at_first_use() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.archive();
    sandbox.edit_connector("domain = \"contoso.com\"", "domain = \"contoso.net\"");

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("domain"), "{}", outcome.stderr);
}

#[test]
fn when_everything_fails_alike_the_run_pauses_and_goes_on_later() {
    let sandbox = Sandbox::new();
    for minute in 0..4 {
        let whole = session(minute, &[("ann", "hello"), ("bob", "hi")]);
        sandbox.write(&format!("exports/{minute}.eml"), &whole[..whole.len() - 40]);
    }

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("paused"), "{}", outcome.stderr);
    sandbox.session("good", 9, &[("ann", "hello"), ("bob", "hi")]);
    let resumed = sandbox.archive();
    assert!(matches!(resumed.code, Some(2)), "{resumed:?}");
}

#[cfg(not(feature = "mssql"))]
#[test]
fn a_database_in_a_program_that_is_built_without_them_names_the_feature() {
    let sandbox = Sandbox::new();
    sandbox.edit_connector(
        "type = \"archiving-export\"\npath = \"exports\"",
        "type = \"archiving-database\"\nserver = \"sql01\"\n\
         auth = { type = \"sql\", user = \"env:USER\", password = \"env:PASSWORD\" }",
    );

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(1));
    let words = "built without databases; build it with the feature `mssql`";
    assert!(outcome.stderr.contains(words), "{outcome:?}");
}
