//! The users of Active Directory as the directory, on a real LDAP server.

use chatkeep_testkit::{Account, ActiveDirectory};

use crate::sandbox::Sandbox;

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";

pub(crate) fn account(address: &str) -> Account {
    Account {
        principal_name: address.to_owned(),
        mail: address.to_owned(),
        proxies: vec![format!("SMTP:{address}")],
        sip: format!("sip:{address}"),
        is_disabled: false,
    }
}

/// A company with Ann in its domain, reached over TLS.
fn company() -> (Sandbox, ActiveDirectory) {
    company_of(&[("ann", account(ANN))])
}

/// A company with these accounts in its domain, reached over TLS.
pub(crate) fn company_of(accounts: &[(&str, Account)]) -> (Sandbox, ActiveDirectory) {
    let domain = ActiveDirectory::start(accounts).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("user", ActiveDirectory::USER);
    sandbox.write("password", ActiveDirectory::PASSWORD);
    let directory = format!(
        "type = \"ldap\"\nurl = \"{}\"\nca = \"{}\"\nbase = \"{}\"\nuser = \"file:user\"\n\
         password = \"file:password\"",
        domain.tls_url(),
        domain.ca().display(),
        ActiveDirectory::BASE
    );
    sandbox.edit_connector("type = \"csv\"\npath = \"directory.csv\"", &directory);
    (sandbox, domain)
}

#[test]
fn what_is_held_is_delivered_once_the_domain_has_the_user_and_the_addendum_says_so() {
    let (sandbox, mut domain) = company();
    sandbox.session("one", 1, &[("ann", "hello"), ("bob", "hi")]);
    let first = sandbox.archive();
    assert_eq!(first.code, Some(2), "{}", first.stderr);
    assert_eq!(first.report["held"][0]["source_user"], BOB);
    assert!(sandbox.mails(BOB).is_empty());

    domain.set("bob", account(BOB));
    domain.restart().unwrap();
    let second = sandbox.archive();

    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert_eq!(sandbox.mails(BOB).len(), 1);
    assert_eq!(sandbox.mails(ANN).len(), 1);
    let verified = sandbox.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    let log = sandbox.run(&["seals", "--to", "seals"]);
    assert_eq!(log.code, Some(0), "{}", log.stderr);
    let seals = std::fs::read_dir(sandbox.path("seals")).unwrap();
    let seals = seals.map(|seal| std::fs::read_to_string(seal.unwrap().path()).unwrap());
    let addenda = seals.filter(|seal| seal.contains(r#""run":1,"kind":"addendum""#));
    assert_eq!(addenda.count(), 1);
}

#[test]
fn check_counts_users_of_a_domain_and_says_in_a_line_what_keeps_it_out() {
    let (sandbox, mut domain) = company();
    let leaver = Account {
        is_disabled: true,
        ..account(BOB)
    };
    domain.set("bob", leaver);
    domain.restart().unwrap();

    let fine = sandbox.run(&["check", "connector.toml"]);
    sandbox.write("password", "hunter2");
    let wrong = sandbox.run(&["check", "connector.toml"]);

    assert_eq!(fine.code, Some(0), "{}", fine.stdout);
    assert!(fine.stdout.contains("2 users"), "{}", fine.stdout);
    assert_eq!(wrong.code, Some(1));
    let line = wrong
        .stdout
        .lines()
        .find(|line| line.starts_with("directory"));
    let line = line.unwrap();
    assert!(line.contains("user or password is wrong"), "{line}");
    assert!(
        !line.contains("hunter2") && !line.contains("reader"),
        "{line}"
    );
}
