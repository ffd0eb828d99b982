//! Ways to sign in: to Exchange Online by IMAP, and to Active Directory.

use std::path::Path;

use chatkeep_model::connector::{Connector, Directory, Target};

const DIRECTORY: &str = "type = 'csv'\npath = 'd.csv'";
const TARGET: &str = "type = 'discard'";
const ENTRA: &str = "entra = { tenant = 'contoso.com', client = 'c-1', secret = 'file:s' }";

fn parse(directory: &str, target: &str) -> Result<Connector, String> {
    let file = format!(
        "name = 'C'\ndomain = 'contoso.com'\n[[sources]]\ntype = 'archiving-export'\npath = 'e'\n\
         [directory]\n{directory}\n[target]\n{target}\n"
    );
    let parsed = Connector::parse(&file, Path::new("/etc/chatkeep"));
    parsed.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

fn imap(keys: &str) -> Result<Connector, String> {
    let target = format!("type = 'imap'\nhost = 'outlook.office365.com'\n{keys}");
    parse(DIRECTORY, &target)
}

#[test]
fn tokens_of_entra_id_take_the_place_of_the_password() {
    let connector = imap(&format!("auth = 'xoauth2'\n{ENTRA}")).unwrap();

    let written = connector.to_toml().unwrap();
    assert_eq!(
        Connector::parse(&written, Path::new("/")).unwrap(),
        connector
    );
    let Target::Imap(imap) = connector.target else {
        panic!("{:?}", connector.target);
    };
    assert_eq!(imap.password, None);
    assert_eq!(imap.entra.unwrap().client, "c-1");
}

#[test]
fn who_signs_in_twice_or_not_at_all_is_refused() {
    let password = "password = 'file:p'";

    for (keys, named) in [
        ("auth = 'xoauth2'".to_owned(), "target.password"),
        (
            format!("auth = 'xoauth2'\n{password}\n{ENTRA}"),
            "target.password",
        ),
        (ENTRA.to_owned(), "target.entra"),
        (
            format!("auth = 'xoauth2'\ntls = 'none'\n{ENTRA}"),
            "target.tls",
        ),
    ] {
        let problem = imap(&keys).unwrap_err();
        assert!(problem.starts_with(named), "{keys}: {problem}");
    }
    assert!(imap(password).is_ok());
}

#[test]
fn a_domain_controller_is_named_with_paths_below_the_file() {
    let keys = "type = 'ldap'\nurl = 'ldaps://dc01.contoso.com'\nca = 'ca.pem'\n\
                base = 'DC=contoso,DC=com'\nuser = 'file:user'\npassword = 'file:password'";
    let connector = parse(keys, TARGET).unwrap();

    let written = connector.to_toml().unwrap();
    assert_eq!(
        Connector::parse(&written, Path::new("/")).unwrap(),
        connector
    );
    let Directory::Ldap(ldap) = &connector.directory else {
        panic!("{:?}", connector.directory);
    };
    assert_eq!(ldap.ca.as_deref(), Some(Path::new("/etc/chatkeep/ca.pem")));
    assert_eq!(ldap.user.to_string(), "file:/etc/chatkeep/user");
    let problem = parse(&keys.replace("ldaps", "ldap"), TARGET).unwrap_err();
    assert!(problem.starts_with("directory.starttls"), "{problem}");
}

#[test]
fn a_directory_is_not_asked_more_than_once_a_minute() {
    let target = format!("{TARGET}\n[schedule]\nrefresh = '1s'");

    let problem = parse(DIRECTORY, &target).unwrap_err();

    assert!(problem.starts_with("schedule.refresh"), "{problem}");
}
