//! The same input comes to the same, embedded and distributed.

use std::{collections::BTreeMap, path::Path};

use chatkeep_generator::{Expected, Options, generate};
use chatkeep_testkit::{Dovecot, read_folder};

use crate::{
    cluster::Cluster,
    sandbox::{Mail, Outcome, Sandbox},
    selfcheck::selfcheck,
    servers::Servers,
    system::{Form, servers_with_tls},
};

/// A generated company, and what archiving it must come to.
fn company(folder: &Path) -> Expected {
    let options = Options {
        users: 20,
        days: 4,
        files_mb: 1,
        ..Options::contoso()
    };
    generate(&options, folder).unwrap()
}

/// What must be equal: everything that is counted.
pub(crate) fn sums(outcome: &Outcome) -> serde_json::Value {
    outcome.assert_closed();
    let mut report = outcome.report.clone();
    report.as_object_mut().unwrap().remove("seal");
    report
}

fn embedded(company: &Path) -> (serde_json::Value, BTreeMap<String, Vec<Mail>>) {
    let sandbox = Sandbox::copy_of(company);
    let outcome = sandbox.archive();
    (sums(&outcome), sandbox.all_mails())
}

/// Everybody's mails as a Dovecot gives them out, sorted.
fn served(dovecot: &Dovecot, planned: &Expected) -> BTreeMap<String, Vec<Mail>> {
    let mailboxes = planned.mailboxes.iter().map(|mailbox| {
        let login = (mailbox.mailbox.as_str(), Dovecot::PASSWORD);
        let stored = read_folder(dovecot.address(), login, "INBOX/Skype for Business").unwrap();
        let mails = stored.into_iter().map(|message| Mail {
            bytes: message.bytes,
        });
        let mut mails: Vec<_> = mails.collect();
        mails.sort();
        (mailbox.mailbox.clone(), mails)
    });
    mailboxes.collect()
}

#[test]
fn one_worker_and_three_workers_per_stage_and_one_process_come_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let company_folder = folder.path().join("company");
    let planned = company(&company_folder);
    let (expected, mails) = embedded(&company_folder);
    assert_eq!(expected["records"]["read"], planned.records.read);
    assert_eq!(
        expected["deliveries"]["imported"],
        planned.deliveries.imported
    );
    for workers in [1, 3] {
        let form = Form {
            workers,
            ..Form::default()
        };
        let sandbox = Sandbox::copy_of(&company_folder);
        let cluster = Cluster::start(&Servers::shared(), form, sandbox);

        let outcome = cluster.archive();

        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert_eq!(sums(&outcome), expected, "{workers} workers");
        assert!(
            cluster.sandbox().all_mails() == mails,
            "{workers} workers: other mails"
        );
    }
}

#[test]
fn with_tls_everywhere_a_mail_server_gets_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let company_folder = folder.path().join("company");
    let planned = company(&company_folder);
    let (expected, mails) = embedded(&company_folder);
    let dovecot = Dovecot::start().unwrap();
    let sandbox = Sandbox::copy_of(&company_folder);
    let target = format!(
        "type = \"imap\"\nhost = \"localhost\"\nport = {}\nca = \"{}\"\npassword = \"file:password\"\n",
        dovecot.tls_address().port(),
        dovecot.ca().display()
    );
    sandbox.edit_connector("type = \"maildir\"\npath = \"mailboxes\"\n", &target);
    sandbox.write("password", Dovecot::PASSWORD);
    let form = Form {
        tls: true,
        ..Form::default()
    };
    let mut cluster = Cluster::start(&servers_with_tls(), form, sandbox);

    let outcome = cluster.archive();

    assert_eq!(sums(&outcome), expected, "{outcome:?}");
    assert!(served(&dovecot, &planned) == mails, "other mails");
    let verified = cluster.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let checked = selfcheck(&mut cluster);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
