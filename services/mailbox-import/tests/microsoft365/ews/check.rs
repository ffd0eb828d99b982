//! What `chatkeep check` says about an Exchange Server.

use chatkeep_mailbox_import::{Settings, check, target::TargetError};
use chatkeep_model::connector::{Connector, SecretRef, Target};
use chatkeep_testkit::ews::{Fault, Operation};

use super::Site;
use crate::{company::Company as _, support::ANN};

async fn findings(connector: &Connector, mailbox: &str) -> Result<(bool, String), TargetError> {
    let findings = check(connector, &Settings::default(), Some(mailbox)).await?;
    let is_usable = findings.iter().all(|finding| !finding.is_problem);
    let texts: Vec<_> = findings.into_iter().map(|finding| finding.text).collect();
    Ok((is_usable, texts.join("\n")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_us_in_is_fine_and_nothing_is_changed() {
    let site = Site::open();
    let folders = site.server.folders(ANN);

    let (is_usable, text) = findings(&site.lab().connector, ANN).await.unwrap();

    assert!(is_usable && text.contains("will be created"), "{text}");
    assert_eq!(site.server.folders(ANN), folders);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_with_the_command_that_mends_it() {
    let site = Site::open();
    let connector = site.lab().connector;
    let (is_usable, text) = findings(&connector, "nobody@contoso.com").await.unwrap();
    assert!(!is_usable && text.contains("Get-Mailbox"), "{text}");

    site.server.deny(ANN, true);
    let (is_usable, text) = findings(&connector, ANN).await.unwrap();
    let role = "New-ManagementRoleAssignment -Name Chatkeep -Role ApplicationImpersonation";
    assert!(!is_usable && text.contains(role), "{text}");

    let itself = site.lab_with("impersonate = false").connector;
    let (is_usable, text) = findings(&itself, ANN).await.unwrap();
    assert!(
        !is_usable && text.contains("Add-MailboxPermission"),
        "{text}"
    );

    site.server.fail(Operation::GetFolder, 1, Fault::Fail(404));
    let (is_usable, text) = findings(&connector, ANN).await.unwrap();
    assert!(
        !is_usable && text.contains("Get-WebServicesVirtualDirectory"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_problem_with_its_remedy() {
    let site = Site::open();
    let lab = site.lab();
    let mut connector = lab.connector.clone();
    let wrong = lab.folder.path().join("wrong");
    std::fs::write(&wrong, "another one").unwrap();
    let Target::Ews(target) = &mut connector.target else {
        panic!("{:?}", connector.target);
    };
    target.password = SecretRef::File(wrong);

    let (is_usable, text) = findings(&connector, ANN).await.unwrap();

    assert!(!is_usable && text.contains("BasicAuthentication"), "{text}");
}
