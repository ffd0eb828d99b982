//! Ctrl-C and SIGTERM in the middle of a run: it stops cleanly, and the next call goes on.

use std::{
    fs::{self, File},
    thread,
    time::{Duration, Instant},
};

use crate::{
    running::Running,
    sandbox::{Mail, Sandbox},
};

/// More for each mailbox than goes into one batch.
const SESSIONS: u32 = 120;

fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    for minute in 0..SESSIONS {
        let file = format!("{minute}");
        sandbox.session(&file, minute, &[("ann", "hello"), ("bob", "hi")]);
    }
    sandbox
}

/// Holds a mailbox as another process would that writes into it.
fn hold(sandbox: &Sandbox, mailbox: &str) -> File {
    let folder = sandbox.path("mailboxes").join(mailbox);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("chatkeep.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

fn wait_for_mail(sandbox: &Sandbox, mailbox: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while sandbox.mails(mailbox).is_empty() {
        assert!(Instant::now() < deadline, "no mail for {mailbox}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_in_the_middle_of_a_run_stops_it_cleanly_and_the_next_call_resumes() {
    let undisturbed = filled();
    undisturbed.archive();
    let all = undisturbed.all_mails();
    for signal in ["INT", "TERM"] {
        let sandbox = filled();
        let held = hold(&sandbox, "ann@contoso.com");
        let mut command = sandbox.command(&["archive", "connector.toml", "--log", "info"]);
        let mut running = Running::start(&mut command);
        // The run cannot end: Ann's mailbox is held.
        wait_for_mail(&sandbox, "bob@contoso.com");
        running.interrupt(signal);
        drop(held);
        let (code, said) = running.end();

        assert_eq!(code, Some(1), "{said}");
        let what_to_do = "interrupted; nothing is lost, call the command again to resume";
        assert!(said.contains(what_to_do), "{said}");
        let stored = sandbox.mails("ann@contoso.com");
        let is_whole = |mail: &Mail| all["ann@contoso.com"].contains(mail);
        assert!(stored.iter().all(is_whole), "half a mail was left");
        assert!(stored.len() < SESSIONS as usize, "it did not stop");

        let resumed = sandbox.archive();

        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        resumed.assert_closed();
        assert!(
            resumed.stderr.contains("resuming run 1"),
            "{}",
            resumed.stderr
        );
        assert!(sandbox.all_mails() == all, "other mails than undisturbed");
    }
}

#[test]
fn an_interrupted_run_that_is_cancelled_ends_with_what_it_captured() {
    let sandbox = filled();
    let held = hold(&sandbox, "ann@contoso.com");
    let mut command = sandbox.command(&["archive", "connector.toml", "--log", "info"]);
    let mut running = Running::start(&mut command);
    wait_for_mail(&sandbox, "bob@contoso.com");
    running.interrupt("INT");
    drop(held);
    running.end();
    let held = hold(&sandbox, "ann@contoso.com");

    let mut cancelling = Running::start(&mut sandbox.command(&["cancel", "1"]));
    cancelling.wait_for("run 1 captures nothing more");
    drop(held);

    let (code, said) = cancelling.end();
    assert_eq!(code, Some(0), "{said}");
    let runs = sandbox.run(&["runs"]);
    assert!(runs.stdout.contains("cancelled"), "{runs:?}");
    let mailboxes = ["ann@contoso.com", "bob@contoso.com"];
    let [ann, bob] = mailboxes.map(|mailbox| sandbox.mails(mailbox).len());
    assert_eq!(ann, bob);
    let over = sandbox.run(&["cancel", "1"]);
    assert_eq!(over.code, Some(1), "{over:?}");
    assert!(over.stderr.contains("the run has ended"), "{over:?}");
}
