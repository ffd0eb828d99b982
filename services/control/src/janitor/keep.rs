//! Runs that are over give up their staging: what may be needed of it again is copied to what is kept, and
//! the ledger names the copies instead.

use std::{
    collections::BTreeSet,
    io::{self, BufReader},
};

use chatkeep_model::Conversation;
use chatkeep_pipeline::crash_point;
use chatkeep_proto::v1::{Blob, RunState};
use chatkeep_staging::{BlobKind, FrameError, FrameReader, KEPT};

use super::{Janitor, failed};
use crate::{
    database::{Cell, DatabaseError, Tx, insert, query},
    error::{During as _, LedgerError, read_aside},
    ledger::{
        lock, now,
        run::{self, RunRow, decode_blob, encode_blob},
    },
};

/// Deliveries of a batch `b` that are not in their mailboxes, but may get there.
pub(super) const UNDELIVERED: &str = "(EXISTS (SELECT 1 FROM deliveries d \
    WHERE d.item >= b.first AND d.item < b.first + b.items AND d.state IN (0, 2, 4)) \
    OR EXISTS (SELECT 1 FROM held h \
    WHERE h.item >= b.first AND h.item < b.first + b.items AND h.state = 0))";

/// Blobs that are copied before the ledger learns of it.
const PAGE: i64 = 100;

/// A row that names a blob.
type Named = (i64, Blob);

impl Janitor {
    /// Runs whose staging can be given up: sealed or removed, and everything they left open for a later
    /// run is taken by one that is sealed. A run that was removed may have given back what earlier ones
    /// left open, and noted that its files are needed.
    pub(super) async fn finished(&self, before: i64) -> Result<Vec<i64>, LedgerError> {
        let statement = query(
            "SELECT r.id FROM runs r LEFT JOIN cleared c ON c.run = r.id \
             WHERE c.run IS NULL AND r.closed < $1 \
             AND (r.status IN (3, 4, 8) AND r.seals > 0 OR r.status = 7) AND NOT EXISTS \
             (SELECT 1 FROM chunks k LEFT JOIN runs t ON t.id = k.taken \
             WHERE k.connector = r.connector AND k.run <= r.id AND k.open = 1 \
             AND (k.taken = 0 OR t.seals = 0)) ORDER BY r.id",
        );
        let mut conn = self.ledger.database.read().await?;
        let rows = statement.bind(before).long().fetch(&mut conn).await;
        let runs = rows.and_then(|rows| rows.iter().map(|row| row.int(0)).collect());
        runs.during("find finished runs")
    }

    /// Keeps what may be needed of a run, then notes that its staging is not needed any more.
    pub(super) async fn give_up_staging_of(&self, run: i64) -> Result<(), LedgerError> {
        let before = self.find(run).await?;
        let batches = self.keep_batches(run).await?;
        let originals = self.keep_originals(run).await?;
        let Some((mut tx, after)) = self.begin(run).await? else {
            return Ok(());
        };
        // It worked again meanwhile, and is over again: the next pass keeps what it left.
        if after.seals != before.seals {
            return Ok(());
        }
        let insert = query(
            "INSERT INTO cleared (run, at, pruned) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING",
        );
        let inserted = insert.bind(run).bind(now()).execute(&mut tx).await;
        inserted.during("give up staging of run")?;
        tx.commit().await.during("give up staging of run")?;
        tracing::info!(
            chatkeep.run.id = run,
            batches,
            originals,
            "blobs of run are not needed in staging any more"
        );
        Ok(())
    }

    /// Keeps batches of which deliveries are held, failed or partially imported.
    async fn keep_batches(&self, run: i64) -> Result<u64, LedgerError> {
        let sql = format!(
            "SELECT b.id, b.blob FROM batches b WHERE b.run = $1 AND b.id > $2 AND {UNDELIVERED} \
             ORDER BY b.id LIMIT $3"
        );
        let mut kept = 0;
        let mut after = 0;
        loop {
            let page = self.named(&sql, run, after).await?;
            let Some((last, _)) = page.last() else {
                return Ok(kept);
            };
            after = *last;
            let copies = self.keep(&page).await?;
            let Some((mut tx, _)) = self.begin(run).await? else {
                return Ok(kept);
            };
            let rows: Vec<_> = copies
                .iter()
                .map(|(batch, copy)| [Cell::text(&copy.key), Cell::Int(*batch)])
                .collect();
            let tail = " ON CONFLICT DO NOTHING";
            let inserted = insert(&mut tx, "kept (blob, batch)", &rows, tail).await;
            inserted.during("name kept blobs")?;
            rename(
                &mut tx,
                "UPDATE batches SET blob = $1 WHERE id = $2",
                &copies,
            )
            .await?;
            tx.commit().await.during("name kept blobs")?;
            kept += copies.len() as u64;
        }
    }

    /// Keeps the original bytes of what could not be read or rendered.
    async fn keep_originals(&self, run: i64) -> Result<u64, LedgerError> {
        const SQL: &str = "SELECT id, original FROM quarantined WHERE run = $1 AND id > $2 \
            ORDER BY id LIMIT $3";
        let mut kept = 0;
        let mut after = 0;
        loop {
            let page = self.named(SQL, run, after).await?;
            let Some((last, _)) = page.last() else {
                return Ok(kept);
            };
            after = *last;
            let batches: BTreeSet<_> = page
                .iter()
                .filter(|(_, blob)| BlobKind::of_key(&blob.key) == Some(BlobKind::Batch))
                .map(|(_, blob)| blob.key.clone())
                .collect();
            for key in batches {
                let batch = page.iter().find(|(_, blob)| blob.key == key);
                if let Some((_, batch)) = batch {
                    self.keep_attachments(batch).await?;
                }
            }
            let copies = self.keep(&page).await?;
            let Some((mut tx, _)) = self.begin(run).await? else {
                return Ok(kept);
            };
            let sql = "UPDATE quarantined SET original = $1 WHERE id = $2";
            rename(&mut tx, sql, &copies).await?;
            tx.commit().await.during("name kept blobs")?;
            kept += copies.len() as u64;
        }
    }

    /// Keeps the files of a batch's conversations.
    async fn keep_attachments(&self, batch: &Blob) -> Result<(), LedgerError> {
        if batch.key.starts_with(KEPT) {
            return Ok(());
        }
        let reader = self.ledger.staging.open(batch).await;
        let reader = reader.map_err(failed("read batch"))?;
        let read = read_aside(move || {
            let read = attachments(BufReader::new(reader));
            read.map_err(|source| LedgerError::Frames {
                action: "read batch",
                source,
            })
        });
        for blob in read.await? {
            let kept = self.ledger.staging.keep(&blob).await;
            kept.map_err(failed("keep blob"))?;
        }
        Ok(())
    }

    /// A page of rows and the blobs they name; rows that name none have an empty key.
    async fn named(&self, sql: &str, run: i64, after: i64) -> Result<Vec<Named>, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        let statement = query(sql).bind(run).bind(after).bind(PAGE).long();
        let rows = statement.fetch(&mut conn).await;
        let named = rows.and_then(|rows| {
            let named = rows.iter().map(|row| {
                let blob = decode_blob(&row.bytes(1)?).unwrap_or_default();
                Ok::<_, DatabaseError>((row.int(0)?, blob))
            });
            named.collect()
        });
        named.during("look what is needed of run")
    }

    /// Copies blobs that are not kept yet.
    async fn keep(&self, page: &[Named]) -> Result<Vec<Named>, LedgerError> {
        let mut copies = Vec::new();
        for (row, blob) in page {
            if blob.key.is_empty() || blob.key.starts_with(KEPT) {
                continue;
            }
            let copy = self.ledger.staging.keep(blob).await;
            copies.push((*row, copy.map_err(failed("keep blob"))?));
        }
        crash_point("kept");
        Ok(copies)
    }

    async fn find(&self, run: i64) -> Result<RunRow, LedgerError> {
        let mut conn = self.ledger.database.read().await?;
        run::find(&mut conn, run).await
    }

    /// Begins a transaction on a run that is over; `None` when it works again.
    async fn begin(&self, run: i64) -> Result<Option<(Tx, RunRow)>, LedgerError> {
        let mut tx = self.ledger.database.begin().await?;
        let connector = run::find(&mut tx, run).await?.connector;
        lock(&mut tx, connector).await?;
        let run = run::find(&mut tx, run).await?;
        Ok(is_over(&run).then_some((tx, run)))
    }
}

/// True when nothing of a run is pending or in flight.
fn is_over(run: &RunRow) -> bool {
    let is_closed = matches!(
        run.status,
        RunState::Succeeded
            | RunState::SucceededWithExceptions
            | RunState::Cancelled
            | RunState::NothingNew
    );
    is_closed && run.waiting == 0
}

/// Has rows name the copies.
async fn rename(tx: &mut Tx, sql: &'static str, copies: &[Named]) -> Result<(), LedgerError> {
    for (row, copy) in copies {
        let update = query(sql).bind(encode_blob(Some(copy))).bind(*row);
        update.execute(tx).await.during("name kept blobs")?;
    }
    Ok(())
}

/// The files of a batch. A damaged batch ends where it is damaged.
fn attachments(reader: impl io::Read) -> Result<Vec<Blob>, FrameError> {
    let mut frames = FrameReader::new(reader);
    let mut found = Vec::new();
    loop {
        match frames.next::<Conversation>() {
            Ok(Some(conversation)) => {
                let attachments = conversation.attachments.into_iter();
                found.extend(attachments.map(|attachment| Blob {
                    key: attachment.key,
                    sha256: attachment.sha256.to_vec().into(),
                    size: attachment.size,
                }));
            }
            Err(error) if error.is_outage() => return Err(error),
            Ok(None) | Err(_) => return Ok(found),
        }
    }
}
