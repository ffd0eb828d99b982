//! Conversations that are in databases come to the same, embedded and distributed.

use crate::{
    cluster::Cluster,
    identical::sums,
    sample::{Databases, company},
    sandbox::Sandbox,
    servers::Servers,
    system::Form,
};

/// A copy of the company that is archived from its databases.
fn connected(databases: &Databases) -> Sandbox {
    let sandbox = Sandbox::copy_of(&company());
    databases.connect(&sandbox);
    sandbox
}

#[test]
fn sessions_and_rooms_of_databases_come_to_the_same_in_one_process_and_in_many() {
    let databases = Databases::filled();
    let embedded = connected(&databases);
    let expected = sums(&embedded.archive());
    assert!(expected["records"]["duplicates"].as_u64().unwrap() > 0);
    let form = Form {
        workers: 2,
        ..Form::default()
    };
    let cluster = Cluster::start(&Servers::shared(), form, connected(&databases));

    let outcome = cluster.archive();
    let again = cluster.archive();

    // The sample has somebody who has left.
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(sums(&outcome), expected);
    let mails = embedded.all_mails();
    assert!(!mails.is_empty());
    assert!(cluster.sandbox().all_mails() == mails, "other mails");
    assert!(again.stdout.contains("nothing new"), "{again:?}");
}
