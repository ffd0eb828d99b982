//! What `chatkeep check` says about a tenant.

use chatkeep_mailbox_import::{Settings, check, target::TargetError};
use chatkeep_testkit::graph::{Options, Role};

use super::Office;
use crate::support::ANN;

async fn findings(office: &Office, mailbox: &str) -> Result<(bool, String), TargetError> {
    let connector = office.lab().connector;
    let findings = check(&connector, &Settings::default(), Some(mailbox)).await?;
    let is_usable = findings.iter().all(|finding| !finding.is_problem);
    let texts: Vec<_> = findings.into_iter().map(|finding| finding.text).collect();
    Ok((is_usable, texts.join("\n")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_lets_us_in_is_fine_and_nothing_is_changed() {
    let office = Office::open();
    let folders = office.tenant.folders(ANN);

    let (is_usable, text) = findings(&office, ANN).await.unwrap();

    assert!(is_usable && text.contains("will be created"), "{text}");
    assert_eq!(office.tenant.folders(ANN), folders);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_with_the_command_that_mends_it() {
    let office = Office::open();
    office.tenant.deny(ANN, true);
    let (is_usable, text) = findings(&office, ANN).await.unwrap();
    assert!(
        !is_usable && text.contains("New-ManagementRoleAssignment"),
        "{text}"
    );

    let (is_usable, text) = findings(&office, "nobody@contoso.com").await.unwrap();
    assert!(!is_usable && text.contains("Get-EXOMailbox"), "{text}");

    let office = Office::with(Options {
        roles: vec![Role::UserReadAll],
        ..Options::default()
    });
    let (is_usable, text) = findings(&office, ANN).await.unwrap();
    assert!(!is_usable && text.contains("Mail.ReadWrite"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_a_problem_with_its_remedy() {
    let office = Office::open();
    let connector = office.lab().connector;
    std::fs::write(office.tenant.secret_file(), "another one").unwrap();

    let findings = check(&connector, &Settings::default(), Some(ANN))
        .await
        .unwrap();

    assert!(findings[0].is_problem, "{findings:?}");
    assert!(findings[0].text.contains("auth.secret"), "{findings:?}");
}
