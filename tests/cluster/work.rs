//! Work for a cluster, and ways to keep it from being done.

use std::{
    fs::{self, File},
    thread,
    time::{Duration, Instant},
};

use crate::{cluster::Cluster, sandbox::Sandbox};

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sessions of Ann and Bob, from this minute on.
pub(crate) fn add_sessions(sandbox: &Sandbox, first: u32, count: u32) {
    for minute in first..first + count {
        let lines = [("ann", "hello"), ("bob", "hi")];
        sandbox.session(&minute.to_string(), minute, &lines);
    }
}

/// A company in which Ann and Bob had so many sessions.
pub(crate) fn sessions(count: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    add_sessions(&sandbox, 0, count);
    sandbox
}

/// Holds Ann's mailbox as another process would that writes into it: no run can end meanwhile.
pub(crate) fn hold(sandbox: &Sandbox) -> File {
    let folder = sandbox.path("mailboxes").join("ann@contoso.com");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("chatkeep.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never so: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until Bob has got something.
pub(crate) fn wait_for_mail(sandbox: &Sandbox) {
    wait_until("Bob has mail", || {
        !sandbox.mails("bob@contoso.com").is_empty()
    });
}

/// How many tasks of a stage are open, as control's rows say.
pub(crate) fn open_tasks(cluster: &Cluster, kind: u32) -> u32 {
    let sql = format!(
        "SELECT COUNT(*) FROM {}.tasks WHERE state = 0 AND kind = {kind}",
        cluster.name
    );
    let count = cluster.servers.postgres().run(&sql).unwrap();
    count.trim().parse().unwrap()
}
