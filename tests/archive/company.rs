//! The generator plans a company and says what archiving it must come to; the pipeline must agree.

use std::path::Path;

use chatkeep_generator::{Expected, Options, generate};

use crate::sandbox::{Outcome, Sandbox};

fn assert_as_planned(sandbox: &Sandbox, outcome: &Outcome, planned: &Expected) {
    outcome.assert_closed();
    let records = &planned.records;
    assert_eq!(outcome.count("records.read"), records.read, "{outcome:?}");
    assert_eq!(outcome.count("records.rendered"), records.rendered);
    assert_eq!(outcome.count("records.duplicates"), records.duplicates);
    assert_eq!(outcome.count("records.excluded"), records.excluded);
    assert_eq!(outcome.count("items"), planned.items);
    let deliveries = &planned.deliveries;
    assert_eq!(outcome.count("deliveries.planned"), deliveries.planned);
    assert_eq!(outcome.count("deliveries.imported"), deliveries.imported);
    assert_eq!(outcome.count("deliveries.held"), deliveries.held);
    for mailbox in &planned.mailboxes {
        let mails = sandbox.mails(&mailbox.mailbox);
        assert_eq!(mails.len() as u64, mailbox.items, "{}", mailbox.mailbox);
        let mut ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(
            ids.len(),
            mails.len(),
            "a message twice in {}",
            mailbox.mailbox
        );
    }
    let filled = sandbox
        .all_mails()
        .values()
        .filter(|mails| !mails.is_empty())
        .count();
    assert_eq!(filled, planned.mailboxes.len());
}

fn archived_as_planned(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    let company = folder.path().join("company");
    let planned = generate(options, &company).unwrap();
    let sandbox = Sandbox::copy_of(&company);

    let outcome = sandbox.archive();

    assert_as_planned(&sandbox, &outcome, &planned);
}

#[test]
fn the_sample_of_the_readme_comes_to_what_was_planned() {
    archived_as_planned(&Options::contoso());
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso");
    let sandbox = Sandbox::copy_of(&committed);

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let again = sandbox.archive();
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(
        again.stdout.contains("imported 0: nothing new"),
        "{}",
        again.stdout
    );
}

#[test]
fn other_companies_come_to_what_was_planned() {
    for (seed, users, pools) in [(1, 7, 1), (2, 30, 3), (3, 9, 4)] {
        archived_as_planned(&Options {
            seed,
            users,
            pools,
            days: 4,
            files_mb: u32::from(seed == 3) * 2,
            ..Options::contoso()
        });
    }
}
