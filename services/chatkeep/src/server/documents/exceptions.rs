use chatkeep_proto::v1::{
    Blob, Exception, Excluded, FailedDelivery, Finding, QuarantinedEntry, UserItems,
    exception::Exception as Kind,
};
use serde::Deserialize;

use super::bytes;

#[derive(Deserialize)]
pub(in crate::server) struct ExceptionList {
    pub(in crate::server) exceptions: Vec<Entry>,
    pub(in crate::server) next: Option<String>,
}

/// Something that was not done as planned.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(in crate::server) enum Entry {
    Finding {
        finding: String,
        subject: String,
        expected: Option<u64>,
        seen: Option<u64>,
        advice: String,
    },
    Quarantined {
        source: String,
        reason: String,
        records: u64,
        original: Option<String>,
    },
    Excluded {
        rule: String,
        records: u64,
    },
    Held {
        source_user: String,
        items: u64,
        conflict: bool,
    },
    External {
        source_user: String,
        items: u64,
    },
    Failed {
        item: String,
        source_user: String,
        mailbox: String,
        reason: String,
        partial: bool,
    },
}

impl From<Entry> for Exception {
    fn from(entry: Entry) -> Self {
        Self {
            exception: Some(kind(entry)),
        }
    }
}

fn kind(entry: Entry) -> Kind {
    match entry {
        Entry::Finding {
            finding,
            subject,
            expected,
            seen,
            advice,
        } => Kind::Finding(Finding {
            kind: finding,
            subject,
            expected,
            seen,
            advice,
        }),
        Entry::Quarantined {
            source,
            reason,
            records,
            original,
        } => Kind::Quarantined(QuarantinedEntry {
            source,
            reason,
            records,
            original: original.map(|key| Blob {
                key,
                ..Blob::default()
            }),
        }),
        Entry::Excluded { rule, records } => Kind::Excluded(Excluded { rule, records }),
        Entry::Held {
            source_user,
            items,
            conflict,
        } => Kind::Held(UserItems {
            source_user,
            items,
            conflict,
        }),
        Entry::External { source_user, items } => Kind::External(UserItems {
            source_user,
            items,
            conflict: false,
        }),
        Entry::Failed {
            item,
            source_user,
            mailbox,
            reason,
            partial,
        } => Kind::Failed(FailedDelivery {
            item: bytes(&item).into(),
            source_user,
            mailbox,
            reason,
            partial,
        }),
    }
}
