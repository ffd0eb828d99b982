//! The directory's users, as far as a run's participants are compared with them.

use std::io::Read;

use chatkeep_proto::v1;
use chatkeep_staging::StagingError;

use crate::error::LedgerError;

/// What a snapshot's lines are commented with, as mapping writes it.
const COMMENT: u8 = b'#';

/// Users and their addresses, sorted, all their text in one place: about 40 MB for 200,000 users with
/// three addresses each.
#[derive(Debug, Default)]
pub(super) struct People {
    text: String,
    entries: Vec<Entry>,
    /// The enabled ones.
    enabled: Vec<Enabled>,
    users: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    length: u32,
    user: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Enabled {
    is_seen: bool,
    is_in_exchange: bool,
}

/// Where the columns stand that matter here.
struct Columns {
    proxies: usize,
    sip: usize,
    /// Only where the directory says it of somebody.
    exchange: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Option<Self> {
        let find = |name: &str| header.iter().position(|column| column == name);
        Some(Self {
            proxies: find("proxyAddresses")?,
            sip: find("sipAddress")?,
            exchange: find("exchangeArchiving"),
        })
    }
}

impl People {
    /// Reads a directory's snapshot. Blocks.
    pub(super) fn read(reader: impl Read) -> Result<Self, LedgerError> {
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(COMMENT))
            .from_reader(reader);
        let header = reader.headers().map_err(unreadable)?;
        let columns = Columns::of(header).ok_or(LedgerError::Malformed("directory snapshot"))?;
        let mut people = Self::default();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(unreadable)? {
            people.add(&record, &columns);
        }
        people.sort();
        Ok(people)
    }

    fn add(&mut self, record: &csv::StringRecord, columns: &Columns) {
        self.users += 1;
        let field = |column: usize| record.get(column).unwrap_or_default();
        let sip = field(columns.sip);
        if sip.is_empty() {
            return;
        }
        // Users beyond 4 billion do not exist.
        let user = u32::try_from(self.enabled.len()).unwrap_or(u32::MAX);
        let proxies = field(columns.proxies).split(';');
        let proxies = proxies.filter_map(|proxy| Some(proxy.split_once(':')?.1));
        for address in sip.split(';').chain(proxies) {
            self.entries.push(Entry {
                start: self.text.len(),
                // Only an address of 4 GiB would not fit.
                length: u32::try_from(address.len()).unwrap_or(0),
                user,
            });
            self.text.push_str(address);
        }
        self.enabled.push(Enabled {
            is_seen: false,
            is_in_exchange: columns.exchange.is_some_and(|at| !field(at).is_empty()),
        });
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.entries.sort_unstable_by_key(|entry| entry.of(text));
        self.entries.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    /// Notes a participant, by an address without scheme in lower case.
    pub(super) fn meet(&mut self, address: &str) {
        let text = &self.text;
        let from = self
            .entries
            .partition_point(|entry| entry.of(text) < address);
        let found = self.entries[from..].iter();
        for entry in found.take_while(|entry| entry.of(text) == address) {
            self.enabled[entry.user as usize].is_seen = true;
        }
    }

    /// How many there are, and how many were met.
    pub(super) fn counts(&self) -> v1::People {
        let count = |holds: fn(&Enabled) -> bool| {
            let those = self.enabled.iter().filter(|one| holds(one));
            those.count() as u64
        };
        v1::People {
            users: self.users,
            enabled: count(|_| true),
            seen: count(|one| one.is_seen),
            in_exchange: count(|one| one.is_in_exchange),
        }
    }
}

impl Entry {
    fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.start + self.length as usize]
    }
}

fn unreadable(error: csv::Error) -> LedgerError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => LedgerError::Staging {
            action: "read directory snapshot",
            source: StagingError::Read { source },
        },
        _ => LedgerError::Malformed("directory snapshot"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = "userPrincipalName,mail,proxyAddresses,sipAddress\n\
        ann@x.com,ann@x.com,SMTP:ann@x.com;sip:ann.old@x.com,ann@x.com\n\
        bob@x.com,bob@x.com,,bob@x.com;robert@x.com\n\
        fax@x.com,fax@x.com,,\n";

    fn counts(snapshot: &str, met: &[&str]) -> (u64, u64, u64, u64) {
        let mut people = People::read(snapshot.as_bytes()).unwrap();
        for address in met {
            people.meet(address);
        }
        let v1::People {
            users,
            enabled,
            seen,
            in_exchange,
        } = people.counts();
        (users, enabled, seen, in_exchange)
    }

    #[test]
    fn a_user_is_enabled_by_a_sip_address_and_seen_once_by_any_address() {
        assert_eq!(counts(SNAPSHOT, &[]), (3, 2, 0, 0));
        assert_eq!(
            counts(SNAPSHOT, &["ann@x.com", "ann.old@x.com"]),
            (3, 2, 1, 0)
        );
        assert_eq!(
            counts(SNAPSHOT, &["robert@x.com", "eve@y.com"]),
            (3, 2, 1, 0)
        );
        assert_eq!(counts(SNAPSHOT, &["fax@x.com"]), (3, 2, 0, 0));
    }

    #[test]
    fn who_is_archived_to_exchange_is_counted_where_the_directory_says_it() {
        let snapshot = "userPrincipalName,mail,proxyAddresses,sipAddress,exchangeArchiving\n\
            ann@x.com,,,ann@x.com,true\nbob@x.com,,,bob@x.com,\nfax@x.com,,,,true\n";

        assert_eq!(counts(snapshot, &["ann@x.com"]), (3, 2, 1, 1));
    }

    #[test]
    fn what_is_no_snapshot_is_malformed() {
        let error = People::read("a,b\n1,2\n".as_bytes()).unwrap_err();

        assert!(matches!(error, LedgerError::Malformed(_)));
    }

    #[test]
    fn two_hundred_thousand_users_take_less_than_fifty_megabytes() {
        let mut snapshot = "userPrincipalName,mail,proxyAddresses,sipAddress\n".to_owned();
        for n in 0..200_000 {
            let mail = format!("firstname.lastname{n}@contoso.com");
            snapshot.push_str(&format!(
                "{mail},{mail},SMTP:{mail};sip:{mail};smtp:p{n}@contoso.com,{mail}\n"
            ));
        }

        let people = People::read(snapshot.as_bytes()).unwrap();

        let bytes = people.text.capacity()
            + people.entries.capacity() * size_of::<Entry>()
            + people.enabled.capacity() * size_of::<Enabled>();
        assert!(bytes < 50_000_000, "{bytes} bytes");
    }
}
