use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;

use crate::{
    certificates::make_certificates,
    lab::{LabError, Server, free_port, loopback, run, write},
};

/// An account of Active Directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// `userPrincipalName`; empty: none.
    pub principal_name: String,
    /// `mail`; empty: none.
    pub mail: String,
    /// `proxyAddresses`.
    pub proxies: Vec<String>,
    /// `msRTCSIP-PrimaryUserAddress`; empty: none.
    pub sip: String,
    /// Whether it may not sign in.
    pub is_disabled: bool,
}

/// A search that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The attributes that were asked for.
    pub attributes: Vec<String>,
    /// How many entries the answer had.
    pub entries: usize,
}

/// An LDAP server that has what a domain controller has, as far as directories are read: the package
/// `slapd`, with the attributes and classes of [MS-ADA1] to [MS-ADA3] and [MS-ADSC] by Microsoft's object
/// identifiers. Changes are made by starting it anew.
///
/// Not like a domain controller: `objectCategory` is a text, not a distinguished name, and attributes with
/// many values come as a whole.
#[derive(Debug)]
pub struct ActiveDirectory {
    server: Option<Server>,
    folder: TempDir,
    port: u16,
    tls_port: u16,
    accounts: BTreeMap<String, (Account, [u8; 16], u64)>,
    usn: u64,
    controller: u8,
    size_limit: Option<u32>,
}

impl ActiveDirectory {
    /// The domain.
    pub const BASE: &str = "DC=corp,DC=example";
    /// The account that reads.
    pub const USER: &str = "CN=reader,DC=corp,DC=example";
    /// Its password.
    pub const PASSWORD: &str = "s3cret-of-the-lab";

    /// Starts a server with these accounts.
    pub fn start(accounts: &[(&str, Account)]) -> Result<Self, LabError> {
        let folder = TempDir::new().map_err(LabError::Setup)?;
        make_certificates(folder.path())?;
        let mut directory = Self {
            server: None,
            folder,
            port: free_port()?,
            tls_port: free_port()?,
            accounts: BTreeMap::new(),
            usn: 10_000,
            controller: 1,
            size_limit: None,
        };
        for (name, account) in accounts {
            directory.set(name, account.clone());
        }
        directory.restart()?;
        Ok(directory)
    }

    /// Adds an account, or changes it; at the next start.
    pub fn set(&mut self, name: &str, account: Account) {
        self.usn += 1;
        let usn = self.usn;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&usn.to_le_bytes());
        // Not a text, as most are not.
        id[15] = 0xff;
        let entry = self.accounts.entry(name.to_owned());
        let known = entry.or_insert((Account::default(), id, usn));
        (known.0, known.2) = (account, usn);
    }

    /// Gives an account another name, as a move to another place does; at the next start.
    pub fn rename(&mut self, name: &str, to: &str) {
        self.usn += 1;
        if let Some((account, id, _)) = self.accounts.remove(name) {
            self.accounts.insert(to.to_owned(), (account, id, self.usn));
        }
    }

    /// Deletes an account; at the next start.
    pub fn remove(&mut self, name: &str) {
        self.usn += 1;
        self.accounts.remove(name);
    }

    /// Lets so many other changes happen, of objects that nobody reads; at the next start.
    pub fn count_on(&mut self, changes: u64) {
        self.usn += changes;
    }

    /// Makes it another domain controller, or the same one restored from a backup; at the next start.
    pub fn become_another(&mut self) {
        self.controller += 1;
    }

    /// Hands out so many entries of a search at most; at the next start.
    pub fn limit(&mut self, entries: u32) {
        self.size_limit = Some(entries);
    }

    /// Starts the server with what was changed.
    pub fn restart(&mut self) -> Result<(), LabError> {
        self.server = None;
        let data = self.path("data");
        if data.exists() {
            fs::remove_dir_all(&data).map_err(LabError::Setup)?;
        }
        fs::create_dir_all(&data).map_err(LabError::Setup)?;
        self.configure()?;
        let (configuration, entries) = (self.path("slapd.conf"), self.path("entries.ldif"));
        let mut load = Command::new("/usr/sbin/slapadd");
        load.arg("-q").arg("-f").arg(&configuration);
        run(load.arg("-l").arg(entries))?;
        let log = self.path("slapd.log");
        drop(fs::remove_file(&log));
        let mut slapd = Command::new("/usr/sbin/slapd");
        let urls = format!(
            "ldap://{}/ ldaps://{}/",
            loopback(self.port),
            loopback(self.tls_port)
        );
        // Logs every search, and stays in the foreground.
        slapd
            .args(["-d", "stats", "-h", &urls, "-f"])
            .arg(&configuration);
        let mut server = Server::start("slapd", &mut slapd, self.port, &log)?;
        // It begins to listen at one port after the other.
        server.wait_for(self.tls_port)?;
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Its address, for plain connections and `StartTLS`.
    pub fn url(&self) -> String {
        format!("ldap://{}", loopback(self.port))
    }

    /// Its address for TLS from the first byte.
    pub fn tls_url(&self) -> String {
        format!("ldaps://{}", loopback(self.tls_port))
    }

    /// The certificate authority that vouches for it, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Another certificate authority, that does not.
    pub fn other_ca(&self) -> PathBuf {
        self.path("other.pem")
    }

    /// The searches since it was started that it has answered, in order.
    pub fn searches(&self) -> Result<Vec<Search>, LabError> {
        let log = fs::read_to_string(self.path("slapd.log")).map_err(LabError::Setup)?;
        let mut open: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut searches = Vec::new();
        for line in log.lines() {
            let Some((_, line)) = line.split_once("conn=") else {
                continue;
            };
            let mut words = line.split_whitespace();
            let operation: Vec<_> = words.by_ref().take(2).collect();
            let operation = operation.join(" ");
            if let Some((_, attributes)) = line.split_once(" SRCH attr=") {
                let attributes = attributes.split_whitespace().map(str::to_owned);
                open.insert(operation, attributes.collect());
            } else if let Some((_, count)) = line.split_once("nentries=") {
                let count = count
                    .split_whitespace()
                    .next()
                    .and_then(|it| it.parse().ok());
                searches.push(Search {
                    attributes: open.remove(&operation).unwrap_or_default(),
                    entries: count.unwrap_or_default(),
                });
            }
        }
        Ok(searches)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self) -> Result<(), LabError> {
        let limit = self.size_limit.map_or_else(
            || "unlimited".to_owned(),
            |limit| format!("size.soft={limit} size.hard={limit} size.prtotal={limit}"),
        );
        let text = CONFIGURATION
            .replace("@FOLDER@", &self.folder.path().display().to_string())
            .replace("@BASE@", Self::BASE)
            .replace("@LIMIT@", &limit);
        write(&self.path("slapd.conf"), &text)?;
        write(&self.path("ad.schema"), SCHEMA)?;
        let usn = self.usn.to_string();
        let service = format!("CN=NTDS Settings,{}", Self::BASE);
        let mut root = "dn:\n".to_owned();
        attribute(&mut root, "dsServiceName", service.as_bytes());
        attribute(&mut root, "highestCommittedUSN", usn.as_bytes());
        write(&self.path("root.ldif"), &root)?;
        write(&self.path("entries.ldif"), &self.entries())
    }

    fn entries(&self) -> String {
        let base = Self::BASE;
        let mut ldif = format!(
            "dn: {base}\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: Corp\n\n\
             dn: {}\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: {}\n\n\
             dn: CN=NTDS Settings,{base}\nobjectClass: nTDSDSA\ncn: NTDS Settings\n",
            Self::USER,
            Self::PASSWORD
        );
        attribute(&mut ldif, "invocationId", &[self.controller, 0xff]);
        ldif.push_str(&format!(
            "\ndn: OU=elsewhere,{base}\nobjectClass: referral\nobjectClass: extensibleObject\n\
             ou: elsewhere\nref: ldap://127.0.0.1:1/OU=elsewhere,{base}\n"
        ));
        for (name, (account, id, usn)) in &self.accounts {
            ldif.push_str(&entry(
                &format!("CN={name},{base}"),
                name,
                account,
                (id, *usn),
            ));
        }
        ldif
    }
}

fn entry(dn: &str, name: &str, account: &Account, (id, usn): (&[u8], u64)) -> String {
    let mut ldif = "\n".to_owned();
    attribute(&mut ldif, "dn", dn.as_bytes());
    ldif.push_str("objectClass: user\nobjectCategory: person\n");
    let flags = if account.is_disabled { 514 } else { 512 };
    let texts = [
        ("cn", name),
        ("sn", name),
        ("userPrincipalName", &account.principal_name),
        ("mail", &account.mail),
        ("msRTCSIP-PrimaryUserAddress", &account.sip),
        ("userAccountControl", &flags.to_string()),
        ("uSNChanged", &usn.to_string()),
    ];
    let proxies = account
        .proxies
        .iter()
        .map(|proxy| ("proxyAddresses", proxy.as_str()));
    for (key, value) in texts.into_iter().chain(proxies) {
        if !value.is_empty() {
            attribute(&mut ldif, key, value.as_bytes());
        }
    }
    attribute(&mut ldif, "objectGUID", id);
    ldif
}

/// A line of LDIF, whatever the value is.
fn attribute(ldif: &mut String, name: &str, value: &[u8]) {
    // Writing to a String cannot fail.
    let _written = writeln!(ldif, "{name}:: {}", STANDARD.encode(value));
}

const CONFIGURATION: &str = "\
include /etc/ldap/schema/core.schema
include @FOLDER@/ad.schema
pidfile @FOLDER@/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
rootDSE @FOLDER@/root.ldif
TLSCACertificateFile @FOLDER@/ca.pem
TLSCertificateFile @FOLDER@/cert.pem
TLSCertificateKeyFile @FOLDER@/key.pem
sizelimit @LIMIT@
database mdb
suffix \"@BASE@\"
directory @FOLDER@/data
maxsize 4294967296
dbnosync
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
";

/// Names, object identifiers and syntaxes as [MS-ADA1] to [MS-ADA3] and [MS-ADSC] list them, those of
/// `msRTCSIP-...` as Skype for Business Server's schema has them. What only rootDSE has got no identifier
/// there, and has one that is kept for experiments.
const SCHEMA: &str = "\
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.120 NAME 'uSNChanged' EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.115 NAME 'invocationId' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.6.24.1.1 NAME 'msRTCSIP-PrimaryUserAddress' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.11.1 NAME 'dsServiceName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.11.2 NAME 'highestCommittedUSN' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP person STRUCTURAL MAY ( userPrincipalName $ objectGUID $ objectCategory $ mail $ proxyAddresses $ userAccountControl $ uSNChanged $ msRTCSIP-PrimaryUserAddress ) )
objectclass ( 1.2.840.113556.1.5.7000.47 NAME 'nTDSDSA' SUP top STRUCTURAL MUST cn MAY invocationId )
";
