//! Where a connector's secrets go.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Connector, Credential, DatabaseAuth, DatabaseSource, DatabaseTls, Directory, Proof, SecretRef,
    Source, Target, Tls,
};

/// Places by the reference to the secret that is sent there, as the connector file writes it.
type Places = BTreeMap<String, BTreeSet<String>>;

impl Connector {
    /// Of every secret that control keeps for it, by its name, its [`Connector::reference_places`].
    pub fn secret_places(&self) -> BTreeMap<String, BTreeSet<String>> {
        let places = self.reference_places().into_iter();
        let stored = places.filter_map(|(reference, places)| {
            let name = reference.strip_prefix("secret:")?.to_owned();
            Some((name, places))
        });
        stored.collect()
    }

    /// Of every secret, by its reference as the file writes it, the places it is sent to, or that what it opens
    /// is sent to: a server and how the way to it is protected. Two connector files that name the same places
    /// bring the secret to the same servers.
    pub fn reference_places(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut places = Places::new();
        for source in &self.sources {
            if let Source::ArchivingDatabase(database) | Source::PersistentChatDatabase(database) =
                source
            {
                of_database(database, &mut places);
                if let Some(details) = database.call_details() {
                    of_database(&details, &mut places);
                }
            }
        }
        match &self.directory {
            Directory::Csv { .. } => {}
            Directory::Graph(graph) => of_credential(&graph.auth, &graph.endpoint, &mut places),
            Directory::Ldap(ldap) => {
                let by_tls = if ldap.starttls { " with STARTTLS" } else { "" };
                let place = format!("{}{by_tls}", ldap.url.to_lowercase());
                add([&ldap.user, &ldap.password], &place, &mut places);
            }
        }
        match &self.target {
            Target::Maildir(_) | Target::Discard { .. } => {}
            Target::Imap(target) => {
                let scheme = match target.tls {
                    Tls::Implicit => "imaps",
                    Tls::Starttls => "imap with STARTTLS",
                    Tls::None => "imap without TLS",
                };
                let place = place(scheme, &target.host, target.port);
                add(
                    target.user.iter().chain(&target.password),
                    &place,
                    &mut places,
                );
                if let Some(credential) = &target.entra {
                    of_credential(credential, &place, &mut places);
                }
            }
            Target::Graph(target) => of_credential(&target.auth, &target.endpoint, &mut places),
            Target::Ews(target) => add([&target.user, &target.password], &target.url, &mut places),
        }
        places
    }
}

fn add<'a>(secrets: impl IntoIterator<Item = &'a SecretRef>, place: &str, places: &mut Places) {
    for secret in secrets {
        let of_secret = places.entry(secret.to_string()).or_default();
        of_secret.insert(place.to_owned());
    }
}

fn place(scheme: &str, host: &str, port: Option<u16>) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme} {host}{port}").to_lowercase()
}

fn of_database(database: &DatabaseSource, places: &mut Places) {
    let DatabaseAuth::Sql { user, password } = &database.auth else {
        return;
    };
    let scheme = match database.tls {
        DatabaseTls::Verify => "sql server",
        DatabaseTls::Trust => "sql server with any certificate",
        DatabaseTls::None => "sql server without TLS",
    };
    let servers = [Some(&database.server), database.failover_partner.as_ref()];
    for server in servers.into_iter().flatten() {
        add(
            [user, password],
            &place(scheme, server, database.port),
            places,
        );
    }
}

/// Who gives out tokens, and who gets them.
fn of_credential(credential: &Credential, endpoint: &str, places: &mut Places) {
    let (Proof::Certificate(secret) | Proof::Secret(secret)) = &credential.proof else {
        return;
    };
    for place in [&*credential.authority, endpoint] {
        add([secret], &place.to_lowercase(), places);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FILE: &str = r#"
        name = "Contoso"
        domain = "contoso.com"

        [[sources]]
        type = "archiving-database"
        server = "SQL01"
        failover_partner = "sql02"
        auth = { type = "sql", user = "env:SQL_USER", password = "secret:sql" }

        [sources.cdr]
        server = "cdr01"

        [directory]
        type = "ldap"
        url = "ldaps://dc01:636"
        base = "DC=contoso,DC=com"
        user = "secret:ldap"
        password = "secret:ldap"

        [target]
        type = "imap"
        host = "mail"
        auth = "xoauth2"

        [target.entra]
        tenant = "contoso.com"
        client = "app"
        secret = "secret:app"
    "#;

    fn places(file: &str, name: &str) -> Vec<String> {
        let connector = Connector::parse(file, Path::new("/etc/chatkeep")).unwrap();
        let places = connector.secret_places().remove(name).unwrap_or_default();
        places.into_iter().collect()
    }

    #[test]
    fn a_secret_goes_to_every_server_that_is_signed_in_to_with_it() {
        let servers = ["sql server cdr01", "sql server sql01", "sql server sql02"];
        assert_eq!(places(FILE, "sql"), servers);
        assert_eq!(places(FILE, "ldap"), ["ldaps://dc01:636"]);
    }

    #[test]
    fn a_tokens_receiver_is_as_much_of_a_place_as_who_gives_it_out() {
        let both = ["https://login.microsoftonline.com", "imaps mail"];
        assert_eq!(places(FILE, "app"), both);
    }

    #[test]
    fn another_host_another_port_and_less_protection_are_other_places() {
        for (other, name) in [
            (FILE.replace("\"mail\"", "\"mail.evil.example\""), "app"),
            (FILE.replace("\"mail\"", "\"mail\"\nport = 1993"), "app"),
            (
                FILE.replace("\"mail\"", "\"mail\"\ntls = \"starttls\""),
                "app",
            ),
            (
                FILE.replace("\"SQL01\"", "\"SQL01\"\ntls = \"trust\""),
                "sql",
            ),
            (FILE.replace("cdr01", "evil.example"), "sql"),
            (FILE.replace("dc01:636", "dc01:1636"), "ldap"),
            (
                FILE.replace(
                    "secret = \"secret:app\"",
                    "secret = \"secret:app\"\nauthority = \"https://evil.example\"",
                ),
                "app",
            ),
        ] {
            assert_ne!(places(&other, name), places(FILE, name), "{other}");
        }
    }

    #[test]
    fn every_secret_that_control_keeps_has_a_place() {
        let target = &FILE[FILE.find("[target]").unwrap()..];
        let by = "auth = { tenant = 't', client = 'c', secret = 'secret:app' }";
        let others = [
            "[target]\ntype = 'discard'".to_owned(),
            format!("[target]\ntype = 'graph'\n{by}"),
            "[target]\ntype = 'ews'\nurl = 'https://mail/EWS/Exchange.asmx'\nuser = 'secret:user'\n\
             password = 'secret:password'"
                .to_owned(),
            "[target]\ntype = 'imap'\nhost = 'mail'\nauth = 'master'\nuser = 'secret:user'\n\
             password = 'secret:password'"
                .to_owned(),
        ];
        let own_login = "auth = { type = 'sql', user = 'secret:cdr', password = 'secret:cdr' }";
        let cdr = FILE.replace("\"cdr01\"", &format!("\"cdr01\"\n{own_login}"));
        let others = others.map(|other| FILE.replace(target, &other));

        for file in [FILE.to_owned(), cdr].into_iter().chain(others) {
            let connector = Connector::parse(&file, Path::new("/etc/chatkeep")).unwrap();
            let places = connector.secret_places();
            let stored = connector.stored_secrets();
            assert!(stored.iter().eq(places.keys()), "{file}");
            assert!(places.values().all(|places| !places.is_empty()), "{file}");
        }
    }

    #[test]
    fn what_the_services_read_themselves_has_places_too() {
        let connector = Connector::parse(FILE, Path::new("/etc/chatkeep")).unwrap();

        let places = connector.reference_places();

        assert_eq!(places["env:SQL_USER"], places["secret:sql"]);
        assert!(!connector.secret_places().contains_key("env:SQL_USER"));
    }

    #[test]
    fn what_has_nothing_to_do_with_the_way_there_changes_no_place() {
        let other = FILE.replace("\"mail\"", "\"MAIL\"\nfolder = \"Archive\"");
        assert_eq!(places(&other, "app"), places(FILE, "app"));
    }
}
