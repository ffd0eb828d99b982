//! The directory: who our users are and which addresses they have.

use std::{collections::BTreeSet, io, path::Path};

use chatkeep_model::address;

use crate::table::{self, Columns, Row, Table, TableError, normalized};

/// The columns that must be there; `displayName` and whatever else stands in the file is not needed.
pub(crate) const COLUMNS: [&str; 4] = ["userPrincipalName", "mail", "proxyAddresses", "sipAddress"];
const PRINCIPAL_NAME: usize = 0;
const MAIL: usize = 1;
const PROXIES: usize = 2;
const SIP: usize = 3;

/// The column that may be there: whose conversations Exchange archives instead of Skype for Business.
const EXCHANGE: &str = "exchangeArchiving";
const IN_EXCHANGE: usize = 4;
const ALL: Columns = Columns {
    mandatory: &COLUMNS,
    optional: &[EXCHANGE],
};
/// What says so: plain words, and the values of `Get-CsUser`'s `ExchangeArchivingPolicy`.
const YES: [&str; 4] = ["true", "yes", "1", "ArchivingToExchange"];
const NO: [&str; 7] = [
    "",
    "false",
    "no",
    "0",
    "Uninitialized",
    "UseLyncArchivingPolicy",
    "NoArchiving",
];

/// A user's addresses: the fields of a row, normalised. Lists are sorted and joined by `;`.
pub(crate) type User = [String; 4];

/// The directory as a snapshot stores it: users sorted, nothing twice, guests left out. The same users
/// are the same bytes, whatever order, case and columns the file had.
pub(crate) struct Directory {
    users: Vec<User>,
    /// Principal names of those whose conversations Exchange archives.
    in_exchange: BTreeSet<String>,
    /// Guests that were left out: they have their mailboxes elsewhere.
    pub(crate) guests: u64,
}

impl Directory {
    /// Reads the CSV file.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        Self::collect(Table::open(path, ALL)?)
    }

    /// Reads CSV from elsewhere; `name` stands for the file in errors.
    pub(crate) fn read(
        name: &Path,
        reader: impl io::Read + Send + 'static,
    ) -> Result<Self, TableError> {
        Self::collect(Table::read(name, reader, ALL)?)
    }

    fn collect(table: Table) -> Result<Self, TableError> {
        let mut users = Vec::new();
        let mut in_exchange = BTreeSet::new();
        let guests = each(table, |user, is_in_exchange| {
            if is_in_exchange {
                in_exchange.insert(principal_name(&user).to_owned());
            }
            users.push(user);
        })?;
        Ok(Self {
            in_exchange,
            ..Self::of(users, guests)
        })
    }

    /// These users, in any order.
    pub(crate) fn of(mut users: Vec<User>, guests: u64) -> Self {
        users.sort_unstable();
        users.dedup();
        Self {
            users,
            in_exchange: BTreeSet::new(),
            guests,
        }
    }

    /// The users, sorted.
    pub(crate) fn users(&self) -> &[User] {
        &self.users
    }

    /// The snapshot's bytes: CSV again, in canonical form. The optional column is there where it says
    /// something.
    pub(crate) fn to_csv(&self) -> Vec<u8> {
        if self.in_exchange.is_empty() {
            return table::write(&COLUMNS, &self.users);
        }
        let rows = self.users.iter().map(|user| {
            let is_in_exchange = self.in_exchange.contains(principal_name(user));
            let mark = if is_in_exchange { YES[0] } else { NO[0] };
            let [name, mail, proxies, sip] = user.clone();
            [name, mail, proxies, sip, mark.to_owned()]
        });
        let [name, mail, proxies, sip] = COLUMNS;
        let rows: Vec<_> = rows.collect();
        table::write(&[name, mail, proxies, sip, EXCHANGE], &rows)
    }
}

/// Hands out the users of a snapshot one by one.
pub(crate) fn read_each(
    name: &Path,
    reader: impl io::Read + Send + 'static,
    mut take: impl FnMut(User),
) -> Result<(), TableError> {
    each(Table::read(name, reader, ALL)?, |user, _| take(user)).map(|_| ())
}

/// Hands out users row by row, and whether Exchange archives theirs; returns the number of guests.
fn each(mut table: Table, mut take: impl FnMut(User, bool)) -> Result<u64, TableError> {
    let mut guests = 0;
    while let Some(row) = table.next()? {
        let line = row.line;
        let both = user(&row).and_then(|user| Ok((user, is_in_exchange(&row)?)));
        match both {
            Ok((Some(user), is_in_exchange)) => take(user, is_in_exchange),
            Ok((None, _)) => guests += 1,
            Err(problem) => return Err(table.row_error(line, problem)),
        }
    }
    Ok(guests)
}

/// The user's mailbox: the primary SMTP address, else the user principal name if it can be one.
pub(crate) fn mailbox(user: &User) -> Option<&str> {
    if !user[MAIL].is_empty() {
        return Some(&user[MAIL]);
    }
    primary_proxies(user)
        .next()
        .or_else(|| Some(&*user[PRINCIPAL_NAME]).filter(|name| address::is_mailable(name)))
}

/// The user principal name.
pub(crate) fn principal_name(user: &User) -> &str {
    &user[PRINCIPAL_NAME]
}

/// The SIP addresses of the user's own.
pub(crate) fn sip_addresses(user: &User) -> impl Iterator<Item = &str> {
    user[SIP].split(';').filter(|address| !address.is_empty())
}

/// The primary SMTP address as `mail` and as upper-case `SMTP:` proxy.
pub(crate) fn primary_addresses(user: &User) -> impl Iterator<Item = &str> {
    let mail = Some(&*user[MAIL]).filter(|mail| !mail.is_empty());
    mail.into_iter().chain(primary_proxies(user))
}

/// Other addresses that reach the user, among them those the user had before a change of name.
pub(crate) fn aliases(user: &User) -> impl Iterator<Item = &str> {
    let aliases = user[PROXIES].split(';').filter_map(|proxy| {
        let (scheme, address) = proxy.split_once(':')?;
        (scheme != "SMTP").then_some(address)
    });
    aliases.filter(|address| !address.is_empty())
}

fn primary_proxies(user: &User) -> impl Iterator<Item = &str> {
    let proxies = user[PROXIES].split(';');
    proxies.filter_map(|proxy| proxy.strip_prefix("SMTP:"))
}

/// Normalises a row; `None` for a guest.
fn user(row: &Row<'_>) -> Result<Option<User>, &'static str> {
    let principal_name = row.address(PRINCIPAL_NAME);
    if principal_name.is_empty() {
        return Err("userPrincipalName is empty; fill it in or remove the line");
    }
    if principal_name.contains("#ext#") {
        return Ok(None);
    }
    let mail = row.address(MAIL);
    if !mail.is_empty() && !address::is_mailable(&mail) {
        return Err("mail is not an e-mail address; correct it or leave it empty");
    }
    let proxies = proxies(row.field(PROXIES).split(';'));
    let sip = sip(row.field(SIP).split(';'));
    Ok(Some([principal_name, mail, proxies, sip]))
}

/// Somebody of a directory that knows its users by ids. Who has no e-mail address has no mailbox, whatever
/// the principal name looks like: such a user stands there under the id, which cannot be taken for an
/// address, and has the principal name as an alias, so that what is theirs is held.
#[cfg(feature = "microsoft365")]
pub(crate) fn member<T: AsRef<str>>(
    id: &str,
    name: &str,
    mail: &str,
    addresses: &[T],
    sip_addresses: &[T],
) -> User {
    let name = normalized(name).into_owned();
    let name = if name.is_empty() { id.to_owned() } else { name };
    // Nobody checks what is written there; one odd value must not stop everybody's archive.
    let mail = Some(normalized(mail).into_owned()).filter(|mail| address::is_mailable(mail));
    let addresses = || addresses.iter().map(AsRef::as_ref);
    let sip = sip(sip_addresses.iter().map(AsRef::as_ref));
    let all = proxies(addresses());
    let has_primary = all.split(';').any(|proxy| proxy.starts_with("SMTP:"));
    if mail.is_some() || has_primary {
        return [name, mail.unwrap_or_default(), all, sip];
    }
    let alias = format!("smtp:{name}");
    let addresses = addresses().chain([alias.as_str()]);
    [id.to_owned(), String::new(), proxies(addresses), sip]
}

/// The field of proxy addresses.
pub(crate) fn proxies<'a>(addresses: impl Iterator<Item = &'a str>) -> String {
    sorted(addresses.filter_map(proxy).collect())
}

/// The field of SIP addresses.
pub(crate) fn sip<'a>(addresses: impl Iterator<Item = &'a str>) -> String {
    let addresses = addresses.map(|address| normalized(address).into_owned());
    sorted(addresses.filter(|address| address.contains('@')).collect())
}

fn is_in_exchange(row: &Row<'_>) -> Result<bool, &'static str> {
    let field = row.field(IN_EXCHANGE);
    let is_one_of = |words: &[&str]| words.iter().any(|word| field.eq_ignore_ascii_case(word));
    match (is_one_of(&YES), is_one_of(&NO)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err("exchangeArchiving is neither true nor false; correct it or leave it empty"),
    }
}

/// Normalises a proxy address. Upper-case `SMTP:` is the primary one, there the case matters.
/// Schemes that are neither mail nor SIP (`X500:`, `EUM:`) never name anybody in a conversation.
fn proxy(text: &str) -> Option<String> {
    let (scheme, address) = text.trim().split_once(':').unwrap_or(("smtp", text));
    let scheme = match scheme {
        "SMTP" => "SMTP",
        other if other.eq_ignore_ascii_case("smtp") => "smtp",
        other if other.eq_ignore_ascii_case("sip") => "sip",
        _ => return None,
    };
    let address = normalized(address);
    address::is_mailable(&address).then(|| format!("{scheme}:{address}"))
}

fn sorted(mut list: Vec<String>) -> String {
    list.sort_unstable();
    list.dedup();
    list.join(";")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn directory(rows: &str) -> Result<Directory, TableError> {
        let text = format!("userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n{rows}");
        Directory::read(Path::new("directory.csv"), Cursor::new(text.into_bytes()))
    }

    fn only(rows: &str) -> User {
        directory(rows).unwrap().users()[0].clone()
    }

    #[test]
    fn addresses_are_normalised_and_lists_sorted() {
        let user = only(
            "Ann@Contoso.com,Ann,Ann.Example@Contoso.com,\
             smtp:b@contoso.com; SMTP:Ann.Example@contoso.com;X500:/o=x;sip:A@contoso.com;b@contoso.com,\
             SIP:Ann@contoso.com;transport=tls",
        );

        assert_eq!(user[PRINCIPAL_NAME], "ann@contoso.com");
        assert_eq!(
            user[PROXIES],
            "SMTP:ann.example@contoso.com;sip:a@contoso.com;smtp:b@contoso.com"
        );
        assert_eq!(user[SIP], "ann@contoso.com");
    }

    #[test]
    fn the_mailbox_is_mail_then_primary_proxy_then_principal_name() {
        let all = only("u@x.com,,M@x.com,SMTP:p@x.com,");
        let without_mail = only("u@x.com,,,smtp:a@x.com;SMTP:P@x.com,");
        let name_only = only("u@x.com,,,smtp:a@x.com,");
        let none = only("not an address,,,smtp:a@x.com,");

        assert_eq!(mailbox(&all), Some("m@x.com"));
        assert_eq!(mailbox(&without_mail), Some("p@x.com"));
        assert_eq!(mailbox(&name_only), Some("u@x.com"));
        assert_eq!(mailbox(&none), None);
    }

    #[test]
    fn x500_names_are_nobodys_mailbox_with_a_scheme_or_without() {
        let names = "x500:/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/\
             cn=4f-ann;X500:/o=Contoso/cn=ann@contoso.com;/o=Contoso/cn=ann@contoso.com;\
             SMTP:/o=Contoso/cn=ann@contoso.com";
        let beside = only(&format!("4711,,,{names};smtp:a@contoso.com,"));
        let as_mail = directory("u@x.com,,/o=Contoso/cn=ann@contoso.com,,\n").err();

        assert_eq!(beside[PROXIES], "smtp:a@contoso.com");
        assert_eq!(mailbox(&beside), None);
        assert!(as_mail.unwrap().to_string().contains("mail is not"));
    }

    #[test]
    fn guests_are_left_out_and_counted() {
        let guest = "bob_fabrikam.com#EXT#@contoso.onmicrosoft.com,Bob,bob@fabrikam.com,,\n";

        let directory = directory(guest).unwrap();

        assert_eq!(directory.users().len(), 0);
        assert_eq!(directory.guests, 1);
    }

    #[test]
    fn a_row_that_cannot_be_a_user_is_named_by_its_line() {
        let nameless = directory("a@x.com,,,,\n,,b@x.com,,\n").err().unwrap();
        let no_mail = directory("a@x.com,,n/a,,\n").err().unwrap();

        assert!(
            nameless
                .to_string()
                .starts_with("directory.csv, line 3: userPrincipalName")
        );
        assert!(
            no_mail
                .to_string()
                .starts_with("directory.csv, line 2: mail is not")
        );
    }

    #[test]
    fn who_is_archived_to_exchange_stands_in_the_snapshot_where_the_file_says_it() {
        let read = |text: &str| {
            let bytes = Cursor::new(text.as_bytes().to_vec());
            Directory::read(Path::new("directory.csv"), bytes)
        };
        let head = "userPrincipalName,mail,proxyAddresses,sipAddress,exchangeArchiving\n";
        let mixed = read(&format!(
            "{head}b@x.com,,,,archivingtoexchange\na@x.com,,,,no\n"
        ));
        let nobody = read(&format!("{head}a@x.com,,,,NoArchiving\n"));
        let odd = read(&format!("{head}a@x.com,,,,perhaps\n"));

        let mixed = mixed.unwrap().to_csv();
        let expected = format!("{head}a@x.com,,,,\nb@x.com,,,,true\n");
        assert_eq!(String::from_utf8(mixed.clone()).unwrap(), expected);
        assert_eq!(read(&expected).unwrap().to_csv(), mixed);
        let nobody = String::from_utf8(nobody.unwrap().to_csv()).unwrap();
        assert!(!nobody.contains(EXCHANGE), "{nobody}");
        let odd = odd.err().unwrap().to_string();
        assert!(
            odd.starts_with("directory.csv, line 2: exchangeArchiving"),
            "{odd}"
        );
    }

    #[test]
    fn a_snapshot_reads_as_itself() {
        let user = "a;b@x.com,,m@x.com,sip:q@x.com,s@x.com\n";
        let first = directory(user).unwrap().to_csv();
        let again = Directory::read(Path::new("snapshot"), Cursor::new(first.clone())).unwrap();

        assert_eq!(again.to_csv(), first);
    }
}
