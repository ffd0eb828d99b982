//! An Exchange Server behind a certificate of the domain's own authority.

use chatkeep_mailbox_import::{Settings, check, target::TargetError};
use chatkeep_testkit::ews::Operation;

use super::Site;
use crate::{
    bench::assert_holds,
    company::Company as _,
    support::{ANN, messages, store},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_the_named_authority_vouches_for_takes_messages() {
    let site = Site::open_encrypted();
    let ca = format!("ca = \"{}\"", site.server.ca().display());
    let lab = site.lab_with(&ca);
    let batch = messages(3);

    store(&mut *lab.open(ANN).await, &batch).await;

    assert_holds(&lab, ANN, &batch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_gets_no_password_and_check_says_what_to_look_at() {
    let site = Site::open_encrypted();
    let other = format!("ca = \"{}\"", site.server.other_ca().display());

    for keys in ["", &other] {
        let lab = site.lab_with(keys);
        let refused = lab.target.open(ANN).await.err();
        let findings = check(&lab.connector, &Settings::default(), Some(ANN)).await;

        let Some(TargetError::Setup { source }) = refused else {
            panic!("{refused:?}");
        };
        assert!(source.to_string().contains("target.ca"), "{source}");
        let findings = findings.unwrap();
        assert!(
            findings[0].is_problem && findings[0].text.contains("target.ca"),
            "{findings:?}"
        );
    }
    assert_eq!(site.server.requests(Operation::FindFolder), 0);
}
