//! Two importers that hold one shard, the first of which stood still beyond its lease and writes late.

use chatkeep_testkit::{Dovecot, read_folder};

use crate::{
    cluster::Cluster,
    running::Running,
    sandbox::Sandbox,
    servers::Servers,
    system::Form,
    wire::Wire,
    work::{add_sessions, hold, sessions, wait_until},
};

const MAILBOXES: [&str; 2] = ["ann@contoso.com", "bob@contoso.com"];

/// Starts a cluster with one importer, archiving. A second one starts when the first stands still.
fn archiving(sandbox: Sandbox) -> (Cluster, Running) {
    let two = Form {
        workers: 2,
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), two, sandbox);
    cluster.of("mailbox-import").nth(1).unwrap().kill();
    let running = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    (cluster, running)
}

/// Stops the first importer where it is, and lets the second do the work, to the run's end.
fn replace(cluster: &mut Cluster, running: Running, release: impl FnOnce()) {
    cluster.of("mailbox-import").next().unwrap().stand_still();
    release();
    cluster.of("mailbox-import").nth(1).unwrap().start();
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
}

fn says(cluster: &mut Cluster, words: &str) -> bool {
    let log = cluster.of("mailbox-import").next().unwrap().log();
    log.contains(words)
}

/// A run that is over, while the last bytes of one of its messages are still on the way to the mail server.
struct OnItsWay {
    cluster: Cluster,
    dovecot: Dovecot,
    wire: Wire,
}

impl OnItsWay {
    fn start() -> Self {
        let dovecot = Dovecot::start().unwrap();
        let wire = Wire::to(dovecot.address());
        // The first message of all arrives when everything is over.
        wire.catch();
        let sandbox = Sandbox::into_target(&wire.target());
        sandbox.write("password", Dovecot::PASSWORD);
        add_sessions(&sandbox, 0, 40);
        let (mut cluster, running) = archiving(sandbox);
        wait_until("a message is on its way", || wire.has_caught());
        replace(&mut cluster, running, || ());
        Self {
            cluster,
            dovecot,
            wire,
        }
    }

    fn stored(&self) -> [usize; 2] {
        MAILBOXES.map(|mailbox| {
            let login = (mailbox, Dovecot::PASSWORD);
            let messages = read_folder(self.dovecot.address(), login, "INBOX/Skype for Business");
            messages.unwrap().len()
        })
    }

    fn wait_until_counted(&self) {
        let sql = format!("SELECT n_copies FROM {}.runs", self.cluster.name);
        wait_until("the late copies are counted", || {
            let copies = self.cluster.servers.postgres().run(&sql).unwrap();
            copies.trim() != "0"
        });
    }
}

#[test]
fn what_a_stopped_importer_sends_to_a_mail_server_too_late_is_removed_and_counted() {
    let mut late = OnItsWay::start();
    assert_eq!(late.stored(), [40, 40]);

    late.wire.release();
    late.cluster
        .of("mailbox-import")
        .next()
        .unwrap()
        .signal("CONT");

    late.wait_until_counted();
    assert_eq!(late.stored(), [40, 40]);
    let verified = late.cluster.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn what_was_sent_too_late_is_removed_when_the_mail_server_is_back() {
    let mut late = OnItsWay::start();
    late.wire.release();
    wait_until("the message stands twice", || {
        late.stored().iter().sum::<usize>() > 80
    });
    late.dovecot.kill();

    late.cluster
        .of("mailbox-import")
        .next()
        .unwrap()
        .signal("CONT");
    wait_until("it has looked in vain", || {
        says(&mut late.cluster, "look at mailbox again")
    });
    late.dovecot.resume().unwrap();

    late.wait_until_counted();
    assert_eq!(late.stored(), [40, 40]);
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
