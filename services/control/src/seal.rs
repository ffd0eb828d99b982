//! Seals: a manifest of every run, chained to the one before it, that proves later what was archived.

mod verify;

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use chatkeep_model::identity::Fields;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    balance::Balance,
    database::{Connection, DatabaseError, query},
    error::{During as _, LedgerError},
    ledger::{self, Ledger, connector_id, convert::decode_info, run::RunRow},
};

pub use self::verify::{Verified, VerifyError, verify_offline};

/// What the name of a manifest ends with while it is being written.
const DRAFT: &str = "draft";
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

/// A manifest that is on disk.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) number: i64,
    pub(crate) kind: SealKind,
    pub(crate) file: PathBuf,
    /// Where it is until it is published.
    draft: PathBuf,
    pub(crate) sha256: [u8; 32],
    pub(crate) at: i64,
    pub(crate) balance: String,
}

impl Sealed {
    /// Gives the manifest its name, in the transaction that records it: only one process gets there.
    pub(crate) fn publish(&self) -> Result<(), LedgerError> {
        let renamed = fs::rename(&self.draft, &self.file);
        renamed.map_err(|source| write_error(&self.file, source))?;
        sync_folder(&self.file).map_err(|source| write_error(&self.file, source))
    }
}

/// The name of a manifest in its connector's folder.
pub(crate) fn file_name(number: i64) -> String {
    format!("{number:06}.jsonl")
}

/// Writes a run's manifest, under a name of this process's own. A file of the same number that no row tells of is what a crash left behind:
/// it is written again.
pub(crate) async fn write(
    ledger: &Ledger,
    folder: &Path,
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
    let file = folder.join(connector).join(file_name(number));
    let draft = file.with_extension(format!("{}.{DRAFT}", ledger.direction.process));
    let mut manifest = Manifest::create(&draft)?;
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
    let sha256 = manifest.finish(items)?;
    let balance = serde_json::to_string(balance).map_err(|source| LedgerError::Seal {
        source: SealError::Encode { source },
    })?;
    Ok(Sealed {
        number,
        kind,
        file,
        draft,
        sha256,
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

/// Items of a run behind `after`, in order, with the deliveries settled since then, and where to go on.
/// An addendum leaves out items to which nothing happened.
async fn page(
    conn: &mut Connection,
    run: i64,
    after: i64,
    since: i64,
) -> Result<(Vec<Line>, Option<i64>), LedgerError> {
    let items = query(
        "SELECT i.id, i.hash, i.info FROM batches b CROSS JOIN items i \
         WHERE b.run = $1 AND b.first + b.items > $2 AND i.id >= b.first \
         AND i.id < b.first + b.items AND i.id > $2 AND i.lost = 0 ORDER BY b.id, i.id LIMIT $3",
    );
    let items = items.bind(run).bind(after).bind(PAGE);
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

/// A manifest that is being written.
struct Manifest {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
}

impl Manifest {
    fn create(path: &Path) -> Result<Self, LedgerError> {
        let open = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
                remove_drafts(folder)?;
            }
            File::create(path)
        };
        let file = open().map_err(|source| write_error(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            hash: Sha256::new(),
        })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), LedgerError> {
        let mut bytes = serde_json::to_vec(line).map_err(|source| LedgerError::Seal {
            source: SealError::Encode { source },
        })?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        let written = self.file.write_all(&bytes);
        written.map_err(|source| write_error(&self.path, source))
    }

    /// Writes the trailer. On return the file is on disk.
    fn finish(mut self, items: u64) -> Result<[u8; 32], LedgerError> {
        let trailer = Trailer {
            items,
            sha256: HEXLOWER.encode(&self.hash.clone().finalize()),
        };
        self.line(&trailer)?;
        let path = self.path;
        let sync = || {
            let file = self
                .file
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.sync_all()
        };
        sync().map_err(|source| write_error(&path, source))?;
        Ok(self.hash.finalize().into())
    }
}

/// Removes what processes left behind that died, or lost their lease, over a manifest.
fn remove_drafts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == DRAFT) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn write_error(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Seal {
        source: SealError::Write {
            path: path.to_owned(),
            source,
        },
    }
}
