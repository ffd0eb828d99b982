use std::io::Read;

use chatkeep_staging::StagingError;

use super::{Enabled, Entry, People};
use crate::error::LedgerError;

/// What a snapshot's lines are commented with, as mapping writes it.
const COMMENT: u8 = b'#';

/// Where the columns stand that matter here.
struct Columns {
    principal: usize,
    mail: usize,
    proxies: usize,
    sip: usize,
    /// Only where the directory says it of somebody.
    exchange: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Option<Self> {
        let find = |name: &str| header.iter().position(|column| column == name);
        Some(Self {
            principal: find("userPrincipalName")?,
            mail: find("mail")?,
            proxies: find("proxyAddresses")?,
            sip: find("sipAddress")?,
            exchange: find("exchangeArchiving"),
        })
    }
}

impl People {
    /// Reads a directory's snapshot. Blocks.
    pub(in crate::coverage) fn read(reader: impl Read) -> Result<Self, LedgerError> {
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
        let addresses: Vec<_> = sip.split(';').chain(proxies).collect();
        // What the mailbox is called, unless it is by a proxy address.
        let mailbox = [columns.mail, columns.principal].map(field).into_iter();
        let mailbox = mailbox.filter(|name| !name.is_empty()).take(1);
        let mailbox = mailbox.filter(|name| !addresses.contains(name));
        for address in addresses.iter().copied().chain(mailbox) {
            self.entries.push(Entry {
                start: self.text.len(),
                // Only an address of 4 GiB would not fit.
                length: u32::try_from(address.len()).unwrap_or(0),
                user,
            });
            self.text.push_str(address);
        }
        self.enabled.push(Enabled {
            is_in_exchange: columns.exchange.is_some_and(|at| !field(at).is_empty()),
            ..Enabled::default()
        });
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.entries.sort_unstable_by_key(|entry| entry.of(text));
        self.entries.shrink_to_fit();
        self.text.shrink_to_fit();
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
