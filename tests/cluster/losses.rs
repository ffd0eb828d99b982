//! What can be lost without losing anything.

use crate::{
    cluster::Cluster,
    running::Running,
    servers::Servers,
    system::Form,
    work::{add_sessions, hold, open_tasks, sessions, wait_for_mail, wait_until},
};

/// `TASK_KIND_CONVERT`.
const CONVERT: u32 = 5;

#[test]
fn losing_all_queues_loses_nothing() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(300));
    cluster.kill("conversion");
    let mut archiving = cluster.command(&["archive", "connector.toml"]);
    let archiving = Running::start(&mut archiving);
    wait_until("batches wait for conversion", || {
        open_tasks(&cluster, CONVERT) >= 3
    });

    cluster.delete_queues();
    cluster.start_again("conversion");

    let (code, said) = archiving.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 300);
    assert_eq!(cluster.sandbox().mails("bob@contoso.com").len(), 300);
}

#[test]
fn losing_a_replica_of_control_stops_nothing() {
    let form = Form {
        controls: 2,
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(0));
    for victim in [0, 1] {
        let before = u32::try_from(victim).unwrap() * 150;
        add_sessions(cluster.sandbox(), before, 150);
        let held = hold(cluster.sandbox());
        let mut archiving = cluster.command(&["archive", "connector.toml"]);
        let archiving = Running::start(&mut archiving);
        let count = usize::try_from(before).unwrap();
        wait_until("Bob has mail of this run", || {
            cluster.sandbox().mails("bob@contoso.com").len() > count
        });

        cluster.programs[victim].kill();
        drop(held);

        let (code, said) = archiving.end();
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(
            cluster.sandbox().mails("ann@contoso.com").len(),
            count + 150
        );
        assert_eq!(
            cluster.sandbox().mails("bob@contoso.com").len(),
            count + 150
        );
        cluster.programs[victim].start();
        cluster.programs[victim].wait_until_ready();
    }
}

#[test]
fn losing_the_staging_of_a_finished_run_loses_nothing() {
    let cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(30));
    let first = cluster.archive();
    assert_eq!(first.code, Some(0), "{first:?}");

    let azurite = cluster.servers.azurite();
    for blob in azurite.blobs(&cluster.name).unwrap() {
        // Seals stay for ever.
        if !blob.starts_with("seal/") {
            azurite.erase(&cluster.name, &blob).unwrap();
        }
    }
    drop(azurite);

    let runs = cluster.run(&["runs"]);
    assert!(runs.stdout.contains("succeeded"), "{runs:?}");
    let log = cluster.run(&["log", "1"]);
    assert!(log.stdout.contains("Items imported"), "{log:?}");
    let verified = cluster.run(&["verify", "1"]);
    assert!(
        verified.stdout.contains("60 messages compared, 0 missing"),
        "{verified:?}"
    );
    let again = cluster.archive();
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(
        again.stdout.contains("imported 0: nothing new"),
        "{again:?}"
    );
    add_sessions(cluster.sandbox(), 30, 1);
    let second = cluster.archive();
    assert_eq!(second.count("deliveries.imported"), 2, "{second:?}");
}

#[test]
fn who_stops_watching_leaves_the_run_going() {
    let cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(40));
    let held = hold(cluster.sandbox());
    let mut command = cluster.command(&["archive", "connector.toml", "--log", "info"]);
    let mut watching = Running::start(&mut command);
    wait_for_mail(cluster.sandbox());

    watching.interrupt("INT");

    let (code, said) = watching.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no longer watching: the run goes on"),
        "{said}"
    );
    drop(held);
    wait_until("the run has succeeded", || {
        cluster.run(&["runs"]).stdout.contains("succeeded")
    });
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 40);
}
