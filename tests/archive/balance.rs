use crate::sandbox::Sandbox;

#[test]
fn a_session_reaches_both_mailboxes_once() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "lunch at noon?"), ("bob", "gladly")]);

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("deliveries.imported"), 2);
    let [mail] = &sandbox.mails("ann@contoso.com")[..] else {
        panic!("not one mail")
    };
    assert_eq!(
        &sandbox.mails("bob@contoso.com")[..],
        std::slice::from_ref(mail)
    );
    assert!(mail.text().contains("lunch at noon?"), "{}", mail.text());
    assert!(mail.text().contains("gladly"), "{}", mail.text());
    let date = mail.header("Date").unwrap();
    assert_eq!(date, "Mon, 14 Sep 2026 08:00:00 +0000");
}

#[test]
fn a_second_call_says_nothing_new() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.archive();
    let before = sandbox.all_mails();

    let again = sandbox.archive();

    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(
        again.stdout.contains("imported 0: nothing new"),
        "{}",
        again.stdout
    );
    assert_eq!(again.report["run_kind"], "none");
    assert_eq!(sandbox.all_mails(), before);
}

#[test]
fn what_came_later_is_a_supplement() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.archive();
    sandbox.session("b", 1, &[("ann", "one more thing"), ("bob", "yes?")]);

    let outcome = sandbox.archive();

    assert_eq!(outcome.report["run"], 2);
    assert_eq!(outcome.report["run_kind"], "supplement");
    assert_eq!(outcome.count("records.read"), 1);
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 2);
}

#[test]
fn a_window_leaves_the_rest_for_later() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);

    let outside = sandbox.archive_with(&["--from", "2026-09-15"]);
    assert_eq!(outside.count("records.read"), 0, "{outside:?}");

    let inside = sandbox.archive_with(&["--from", "2026-09-14", "--to", "2026-09-15"]);
    assert_eq!(inside.count("records.rendered"), 1, "{inside:?}");
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}

#[test]
fn a_dry_run_touches_no_mailbox_and_keeps_no_state() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);

    let outcome = sandbox.archive_with(&["--dry-run"]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.count("records.rendered"), 1);
    assert!(sandbox.all_mails().is_empty());
    assert!(!sandbox.path(".chatkeep").exists());
    assert_eq!(sandbox.archive().report["run_kind"], "capture");
}

#[test]
fn a_dry_run_takes_nobodys_approval() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    let archive = |more: &[&str]| {
        let arguments = ["archive", "connector.toml", "--report", "report.json"];
        let mut command = sandbox.command(&[&arguments, more].concat());
        command.env("CHATKEEP__CONTROL__APPROVAL__REQUIRED", "true");
        sandbox.archive_by(&mut command)
    };

    let (trial, archived) = (archive(&["--dry-run"]), archive(&[]));

    assert_eq!(trial.code, Some(0), "{trial:?}");
    assert_eq!(archived.code, Some(1), "{archived:?}");
    assert!(sandbox.all_mails().is_empty());
}

#[test]
fn two_archives_of_the_same_input_are_equal_byte_for_byte() {
    let archives = [Sandbox::new(), Sandbox::new()].map(|sandbox| {
        for minute in 0..20 {
            let file = format!("pool/{minute}");
            sandbox.session(&file, minute, &[("ann", "déjà vu 😀"), ("cem", "ok")]);
        }
        sandbox.archive();
        sandbox.all_mails()
    });

    assert_eq!(archives[0].len(), 2);
    assert_eq!(archives[0], archives[1]);
}
