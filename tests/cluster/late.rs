//! Two importers that hold one shard, the first of which stood still beyond its lease and writes late.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chatkeep_testkit::{Dovecot, Interposer, read_folder};

use crate::{
    cluster::{Cluster, Form},
    running::Running,
    sandbox::Sandbox,
    servers::Servers,
    work::{add_sessions, hold, sessions, wait_until},
};

const MAILBOXES: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];
/// Two importers, of which the second starts when the first stands still.
const TWO: Form = Form {
    controls: 1,
    workers: 2,
    tls: false,
    fence: "1s",
    clears: false,
    collector: None,
};

/// Starts a cluster with one importer, archiving.
fn archiving(sandbox: Sandbox) -> (Cluster, Running) {
    let mut cluster = Cluster::start(&Servers::shared(), TWO, sandbox);
    cluster.of("mailbox-import").nth(1).unwrap().kill();
    let running = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    (cluster, running)
}

/// Stops the first importer where it is, and lets the second do the work, to the run's end.
fn replace(cluster: &mut Cluster, running: Running, release: impl FnOnce()) {
    cluster.of("mailbox-import").next().unwrap().signal("STOP");
    release();
    cluster.of("mailbox-import").nth(1).unwrap().start();
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
}

fn says(cluster: &mut Cluster, words: &str) -> bool {
    let log = cluster.of("mailbox-import").next().unwrap().log();
    log.contains(words)
}

#[test]
fn what_a_stopped_importer_sends_to_a_mail_server_too_late_is_removed_and_counted() {
    let dovecot = Dovecot::start().unwrap();
    let (caught, is_over) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (catching, over) = (Arc::clone(&caught), Arc::clone(&is_over));
    // The first message of all arrives when everything is over.
    let interposer = Interposer::start(dovecot.address(), move |_, line| {
        if line.contains(" APPEND ") && !catching.swap(true, Ordering::SeqCst) {
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        None
    });
    let interposer = interposer.unwrap();
    let port = interposer.address().port();
    let target = format!(
        "[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         password = \"file:password\"\n"
    );
    let sandbox = Sandbox::into_target(&target);
    sandbox.write("password", Dovecot::PASSWORD);
    add_sessions(&sandbox, 0, 40);
    let (mut cluster, running) = archiving(sandbox);
    wait_until("a message is on its way", || caught.load(Ordering::SeqCst));
    replace(&mut cluster, running, || ());
    let stored = |mailbox| {
        let login = (mailbox, Dovecot::PASSWORD);
        let messages = read_folder(dovecot.address(), login, "INBOX/Skype for Business");
        messages.unwrap().len()
    };
    assert_eq!(MAILBOXES.map(stored), [40, 40]);

    is_over.store(true, Ordering::SeqCst);
    cluster.of("mailbox-import").next().unwrap().signal("CONT");

    wait_until("the late copies are counted", || {
        let sql = format!("SELECT n_copies FROM {}.runs", cluster.name);
        let copies = cluster.servers.postgres().run(&sql).unwrap();
        copies.trim() != "0"
    });
    assert_eq!(MAILBOXES.map(stored), [40, 40]);
    let verified = cluster.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn what_a_stopped_importer_wants_to_write_into_a_maildir_too_late_is_there_already() {
    let sandbox = sessions(40);
    let held = hold(&sandbox);
    let (mut cluster, running) = archiving(sandbox);
    let sql = format!("SELECT COUNT(*) FROM {}.journal", cluster.name);
    wait_until("Ann's messages are about to be written", || {
        let bobs = cluster.sandbox().mails("bob@contoso.com").len();
        let open = cluster.servers.postgres().run(&sql).unwrap();
        bobs == 40 && open.trim() == "1"
    });
    replace(&mut cluster, running, || drop(held));
    let mails = cluster.sandbox().all_mails();

    cluster.of("mailbox-import").next().unwrap().signal("CONT");

    wait_until("it has noticed", || says(&mut cluster, "task superseded"));
    assert_eq!(mails["ann@contoso.com"].len(), 40);
    assert!(cluster.sandbox().all_mails() == mails, "other mails");
}
