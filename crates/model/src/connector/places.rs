//! Where a connector's secrets go.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Connector, Credential, DatabaseAuth, DatabaseSource, DatabaseTls, Directory, Proof, SecretRef,
    Source, Target, Tls,
};

/// Places by the reference to the secret that is sent there, as the connector file writes it.
type Places = BTreeMap<String, BTreeSet<String>>;

/// Stands for the identity that a service has from where it runs, beside references to secrets.
pub const WORKLOAD_IDENTITY: &str = "workload-identity:entra";

/// Where Microsoft 365 is.
const MICROSOFT: [&str; 12] = [
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.partner.microsoftonline.cn",
    "https://login.chinacloudapi.cn",
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "imaps outlook.office365.com",
    "imaps outlook.office365.us",
    "imaps outlook-dod.office365.us",
    "imaps partner.outlook.cn",
];

/// A part of a connector file that one service looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is archived.
    Sources,
    /// Who is who.
    Directory,
    /// Where items go.
    Target,
}

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
    /// bring the secret to the same servers. The identity of a service counts as one: [`WORKLOAD_IDENTITY`].
    pub fn reference_places(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut places = Places::new();
        for part in [Part::Sources, Part::Directory, Part::Target] {
            self.collect_places(part, &mut places);
        }
        places
    }

    /// Every reference to a secret in one part of the file, each once.
    pub fn references_of(&self, part: Part) -> Vec<String> {
        let mut places = Places::new();
        self.collect_places(part, &mut places);
        places.into_keys().collect()
    }

    fn collect_places(&self, part: Part, places: &mut Places) {
        match part {
            Part::Sources => self
                .sources
                .iter()
                .for_each(|source| of_source(source, places)),
            Part::Directory => of_directory(&self.directory, places),
            Part::Target => of_target(&self.target, places),
        }
    }
}

/// Whether Microsoft 365 is at a place, of whatever cloud: there a service's identity gives nothing away.
///
/// Source: Microsoft Graph, "National cloud deployments" (endpoints of token issuance and of Graph); Exchange
/// Online, "Authenticate an IMAP, POP or SMTP connection using OAuth".
pub fn is_of_microsoft(place: &str) -> bool {
    MICROSOFT.iter().any(|known| {
        let rest = place.strip_prefix(known);
        rest.is_some_and(|rest| ["", ":993"].contains(&rest) || rest.starts_with('/'))
    })
}

fn of_source(source: &Source, places: &mut Places) {
    match source {
        Source::ArchivingExport(_) | Source::PersistentChatXml(_) => {}
        Source::ArchivingDatabase(database) | Source::PersistentChatDatabase(database) => {
            of_database(database, places);
            if let Some(details) = database.call_details() {
                of_database(&details, places);
            }
        }
    }
}

fn of_directory(directory: &Directory, places: &mut Places) {
    match directory {
        Directory::Csv { .. } => {}
        Directory::Graph(graph) => of_credential(&graph.auth, &graph.endpoint, places),
        Directory::Ldap(ldap) => {
            let by_tls = if ldap.starttls { " with STARTTLS" } else { "" };
            let place = format!("{}{by_tls}", ldap.url.to_lowercase());
            add([&ldap.user, &ldap.password], &place, places);
        }
    }
}

fn of_target(target: &Target, places: &mut Places) {
    match target {
        Target::Maildir(_) | Target::Discard { .. } => {}
        Target::Imap(target) => {
            let scheme = match target.tls {
                Tls::Implicit => "imaps",
                Tls::Starttls => "imap with STARTTLS",
                Tls::None => "imap without TLS",
            };
            let place = place(scheme, &target.host, target.port);
            let secrets = target.user.iter().chain(&target.password);
            add(secrets, &place, places);
            if let Some(credential) = &target.entra {
                of_credential(credential, &place, places);
            }
        }
        Target::Graph(target) => of_credential(&target.auth, &target.endpoint, places),
        Target::Ews(target) => add([&target.user, &target.password], &target.url, places),
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
    let reference = match &credential.proof {
        Proof::Certificate(secret) | Proof::Secret(secret) => secret.to_string(),
        Proof::WorkloadIdentity => WORKLOAD_IDENTITY.to_owned(),
    };
    let of_secret = places.entry(reference).or_default();
    of_secret.extend([&*credential.authority, endpoint].map(str::to_lowercase));
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
    fn each_part_has_its_own_and_no_others() {
        let connector = Connector::parse(FILE, Path::new("/etc/chatkeep")).unwrap();
        let of = |part| connector.references_of(part);

        assert_eq!(of(Part::Sources), ["env:SQL_USER", "secret:sql"]);
        assert_eq!(of(Part::Directory), ["secret:ldap"]);
        assert_eq!(of(Part::Target), ["secret:app"]);
    }

    #[test]
    fn what_the_services_read_themselves_has_places_too() {
        let connector = Connector::parse(FILE, Path::new("/etc/chatkeep")).unwrap();

        let places = connector.reference_places();

        assert_eq!(places["env:SQL_USER"], places["secret:sql"]);
        assert!(!connector.secret_places().contains_key("env:SQL_USER"));
    }

    #[test]
    fn the_identity_of_a_service_goes_where_its_tokens_are_given_out_and_taken() {
        let proof = "workload_identity = true";
        let file = FILE.replace("secret = \"secret:app\"", proof);
        let places = |file: &str| {
            let connector = Connector::parse(file, Path::new("/etc/chatkeep")).unwrap();
            connector.reference_places()[WORKLOAD_IDENTITY].clone()
        };

        let known = places(&file.replace("\"mail\"", "\"outlook.office365.com\""));
        let forged = places(&file.replace(
            proof,
            "workload_identity = true\nauthority = \"https://login.microsoftonline.com.evil.example\"",
        ));

        assert!(
            known.iter().all(|place| is_of_microsoft(place)),
            "{known:?}"
        );
        assert!(
            !forged.iter().any(|place| is_of_microsoft(place)),
            "{forged:?}"
        );
        assert!(is_of_microsoft("https://graph.microsoft.com/v1.0"));
        assert!(!is_of_microsoft("imap without tls outlook.office365.com"));
    }

    #[test]
    fn what_has_nothing_to_do_with_the_way_there_changes_no_place() {
        let other = FILE.replace("\"mail\"", "\"MAIL\"\nfolder = \"Archive\"");
        assert_eq!(places(&other, "app"), places(FILE, "app"));
    }
}
