//! Seals: a manifest of every run, chained to the one before it, that proves later what was archived.

mod manifest;
mod verify;

use std::{fmt, io, path::PathBuf};

use chatkeep_model::identity::Fields;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::{
    balance::Balance,
    database::{Connection, DatabaseError, query},
    error::{During as _, LedgerError},
    ledger::{
        self, Ledger, connector_id,
        convert::{BATCHES_FROM, decode_info},
        run::RunRow,
    },
};

use self::manifest::{Manifest, Written};
pub use self::verify::{Verified, VerifyError, verify_offline};

/// Items per query: what bounds memory.
const PAGE: i64 = 500;

/// Why a manifest could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be written.
    #[error("write manifest {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("read manifest {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A line has no JSON form.
    #[error("encode manifest")]
    Encode {
        /// The encoder's reason.
        source: serde_json::Error,
    },
}

/// What a manifest is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SealKind {
    /// A whole run.
    Seal,
    /// What happened to a sealed run since: deliveries that were held or tried again.
    Addendum,
}

impl SealKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Addendum => "addendum",
        }
    }
}

impl fmt::Display for SealKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// First line of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) connector: String,
    /// Number of the run within its connector.
    pub(crate) run: i64,
    pub(crate) kind: SealKind,
    /// Number of the manifest within its connector, from 1.
    pub(crate) seal: i64,
    /// Unix milliseconds.
    pub(crate) sealed: i64,
    pub(crate) balance: Balance,
    /// SHA-256 of the manifest before; empty for the first.
    pub(crate) previous: String,
}

/// A line per item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) item: String,
    /// SHA-256 of every part.
    pub(crate) parts: Vec<String>,
    pub(crate) deliveries: Vec<DeliveryLine>,
}

/// A delivery of an item; the mailbox as SHA-256, since manifests are handed to auditors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryLine {
    pub(crate) mailbox: String,
    pub(crate) state: String,
}

/// Last line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trailer {
    pub(crate) items: u64,
    /// SHA-256 over all lines before this one.
    pub(crate) sha256: String,
}

/// Where manifests are kept.
#[derive(Clone, Debug)]
pub(crate) enum Seals {
    /// In a folder of this process, one file each, named by connector and number.
    Folder(PathBuf),
    /// In staging, where every process finds them: blobs that nobody deletes.
    Staging,
}

/// A manifest that will outlast a crash.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) number: i64,
    pub(crate) kind: SealKind,
    pub(crate) manifest: Written,
    pub(crate) at: i64,
    pub(crate) balance: String,
}

/// The name of a manifest in its connector's folder: the one before it in the chain lies beside it.
pub fn manifest_name(number: i64) -> String {
    format!("{number:06}.jsonl")
}

/// Writes a run's manifest. One of the same number that no row tells of is what a crash left behind: it
/// is written again.
pub(crate) async fn write(
    ledger: &Ledger,
    run: &RunRow,
    balance: &Balance,
) -> Result<Sealed, LedgerError> {
    let mut conn = ledger.database.read().await?;
    let connector = connector_id(&mut conn, run.connector).await?;
    let (last, previous) = last_seal(&mut conn, run.connector).await?;
    let since = last_of_run(&mut conn, run.id).await?;
    let number = last + 1;
    let kind = if run.seals == 0 {
        SealKind::Seal
    } else {
        SealKind::Addendum
    };
    let at = ledger::now();
    let header = Header {
        connector: connector.clone(),
        run: run.number,
        kind,
        seal: number,
        sealed: at,
        balance: *balance,
        previous,
    };
    let mut manifest = match &ledger.seals {
        Seals::Folder(folder) => {
            let file = folder.join(connector).join(manifest_name(number));
            Manifest::file(file, &ledger.direction.process)?
        }
        Seals::Staging => Manifest::blob(&ledger.staging)?,
    };
    manifest.line(&header)?;
    let mut items = 0;
    let mut after = 0;
    loop {
        let (lines, last) = page(&mut conn, run.id, after, since).await?;
        for line in &lines {
            manifest.line(line)?;
        }
        items += lines.len() as u64;
        match last {
            Some(last) => after = last,
            None => break,
        }
    }
    let manifest = manifest.finish(items, &ledger.staging).await?;
    let balance = serde_json::to_string(balance).map_err(|source| LedgerError::Seal {
        source: SealError::Encode { source },
    })?;
    Ok(Sealed {
        number,
        kind,
        manifest,
        at,
        balance,
    })
}

/// Number and SHA-256 of the connector's last seal.
async fn last_seal(conn: &mut Connection, connector: i64) -> Result<(i64, String), LedgerError> {
    let statement =
        query("SELECT number, sha256 FROM seals WHERE connector = $1 ORDER BY number DESC LIMIT 1");
    let row = statement
        .bind(connector)
        .fetch_optional(conn)
        .await
        .during("find last seal")?;
    let Some(row) = row else {
        return Ok((0, String::new()));
    };
    let sha256 = row.bytes(1).during("find last seal")?;
    Ok((
        row.int(0).during("find last seal")?,
        HEXLOWER.encode(&sha256),
    ))
}

/// When the run was sealed last; 0 when never.
async fn last_of_run(conn: &mut Connection, run: i64) -> Result<i64, LedgerError> {
    let statement = query("SELECT COALESCE(MAX(sealed), 0) FROM seals WHERE run = $1");
    let row = statement
        .bind(run)
        .fetch_one(conn)
        .await
        .during("find last seal")?;
    row.int(0).during("find last seal")
}

fn items_behind() -> String {
    format!(
        "SELECT i.id, i.hash, i.info FROM batches b CROSS JOIN items i WHERE {BATCHES_FROM} \
         AND i.id >= b.first AND i.id < b.first + b.items AND +i.id > $2 AND i.lost = 0 \
         ORDER BY b.first, i.id LIMIT $3"
    )
}

/// Items of a run behind `after`, in order, with the deliveries settled since then, and where to go on.
/// An addendum leaves out items to which nothing happened.
async fn page(
    conn: &mut Connection,
    run: i64,
    after: i64,
    since: i64,
) -> Result<(Vec<Line>, Option<i64>), LedgerError> {
    let items = query(items_behind()).bind(run).bind(after).bind(PAGE);
    let items = items.fetch(conn).await.during("read items")?;
    let items = items
        .iter()
        .map(|row| Ok((row.int(0)?, row.bytes(1)?, row.bytes(2)?)));
    let items: Vec<_> = items
        .collect::<Result<_, DatabaseError>>()
        .during("read items")?;
    let (Some((first, ..)), Some((last, ..))) = (items.first(), items.last()) else {
        return Ok((Vec::new(), None));
    };
    let last = *last;
    let deliveries = deliveries(conn, (*first, last), since).await?;
    let mut deliveries = deliveries.into_iter().peekable();
    let mut lines = Vec::with_capacity(items.len());
    for (id, hash, info) in &items {
        let mut of_item = Vec::new();
        while let Some((.., delivery)) = deliveries.next_if(|(item, ..)| item <= id) {
            of_item.push(delivery);
        }
        if since > 0 && of_item.is_empty() {
            continue;
        }
        let parts = decode_info(info)?.parts;
        lines.push(Line {
            item: HEXLOWER.encode(hash),
            parts: parts
                .iter()
                .map(|part| HEXLOWER.encode(&part.sha256))
                .collect(),
            deliveries: of_item,
        });
    }
    Ok((lines, Some(last)))
}

/// Deliveries of a range of items that were settled since, with item and key, in their order.
async fn deliveries(
    conn: &mut Connection,
    (first, last): (i64, i64),
    since: i64,
) -> Result<Vec<(i64, i64, DeliveryLine)>, LedgerError> {
    let deliveries = query(
        "SELECT d.item, d.id, m.address, d.state FROM deliveries d \
         JOIN mailboxes m ON m.id = d.mailbox \
         WHERE d.item >= $1 AND d.item <= $2 AND d.settled >= $3 ORDER BY d.item, d.id",
    );
    let deliveries = deliveries.bind(first).bind(last).bind(since);
    let rows = deliveries.fetch(conn).await.during("read deliveries")?;
    let deliveries = rows.iter().map(|row| {
        let delivery = DeliveryLine {
            mailbox: mailbox_hash(&row.text(2)?),
            state: state_word(row.int(3)?).to_owned(),
        };
        Ok((row.int(0)?, row.int(1)?, delivery))
    });
    deliveries
        .collect::<Result<_, DatabaseError>>()
        .during("read deliveries")
}

/// How a manifest names a mailbox.
pub(crate) fn mailbox_hash(address: &str) -> String {
    HEXLOWER.encode(&Fields::of("mailbox").text(address).digest())
}

/// The word for a delivery's state.
pub(crate) fn state_word(state: i64) -> &'static str {
    match state {
        1 => "imported",
        2 => "partially imported",
        3 => "skipped",
        4 => "failed",
        _ => "waiting",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::{begins_where_the_page_does, grows_with_the_items};

    #[tokio::test]
    async fn a_long_manifest_takes_no_longer_for_each_item() {
        grows_with_the_items(&items_behind()).await;
        begins_where_the_page_does(&items_behind()).await;
    }
}
