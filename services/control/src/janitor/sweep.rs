//! Looks through staging, page by page, and deletes what nobody needs.

use std::collections::HashSet;

use chatkeep_pipeline::crash_point;
use chatkeep_staging::{BlobKind, KEPT, Page, StoredBlob};

use super::{
    Janitor, Pass, failed,
    keep::UNDELIVERED,
    record::Counts,
    spans::{Fate, Spans},
    unix_millis,
};
use crate::{
    database::{Cell, LIST, query},
    error::{During as _, LedgerError},
};

/// Blobs of a page by what is to happen to them.
#[derive(Debug, Default)]
struct Sorted {
    done: Vec<StoredBlob>,
    orphaned: Vec<StoredBlob>,
    /// Rendered items that are kept, and not since just now.
    kept: Vec<StoredBlob>,
    foreign: u64,
}

impl Sorted {
    fn of(page: Page, spans: &Spans) -> Self {
        let mut sorted = Self::default();
        for blob in page.blobs {
            let is_kept = blob.key.starts_with(KEPT);
            match BlobKind::of_key(&blob.key) {
                None => sorted.foreign += 1,
                Some(BlobKind::Items) if is_kept => {
                    if unix_millis(blob.modified) < spans.young {
                        sorted.kept.push(blob);
                    }
                }
                // The sign, what proves what was archived and why it went where it went, and originals of
                // what could not be read.
                Some(BlobKind::Ledger | BlobKind::Seal | BlobKind::Directory) => {}
                Some(_) if is_kept => {}
                Some(_) => match spans.fate(blob.modified) {
                    Fate::Stays => {}
                    Fate::Done => sorted.done.push(blob),
                    Fate::Orphaned => sorted.orphaned.push(blob),
                },
            }
        }
        sorted
    }
}

impl Janitor {
    /// Deletes what may go. What was deleted is counted page by page: a pass that is broken off has done
    /// its part.
    pub(super) async fn sweep(&self, spans: &Spans) -> Result<Pass, LedgerError> {
        let mut total = Counts::default();
        let mut from = None;
        loop {
            if !self.goes_on().await? {
                return Ok(Pass::BrokenOff);
            }
            let page = self.ledger.staging.list("", from.as_deref()).await;
            let page = page.map_err(failed("list blobs"))?;
            from.clone_from(&page.next);
            let sorted = Sorted::of(page, spans);
            let counts = self.sweep_page(sorted, spans.young).await?;
            self.count(counts).await?;
            total.add(counts);
            if from.is_none() {
                break;
            }
        }
        let Counts {
            deleted,
            orphaned,
            emptied,
            foreign,
        } = total;
        tracing::info!(deleted, orphaned, emptied, foreign, "staging cleared");
        Ok(Pass::Whole)
    }

    async fn sweep_page(&self, mut sorted: Sorted, since: i64) -> Result<Counts, LedgerError> {
        let undelivered = self.undelivered(&sorted.kept, since).await?;
        sorted.kept.retain(|blob| !undelivered.contains(&blob.key));
        let counts = Counts {
            deleted: self.delete(&sorted.done).await?,
            orphaned: self.delete(&sorted.orphaned).await?,
            emptied: self.delete(&sorted.kept).await?,
            foreign: sorted.foreign,
        };
        self.forget(&sorted.kept).await?;
        Ok(counts)
    }

    async fn delete(&self, blobs: &[StoredBlob]) -> Result<u64, LedgerError> {
        let mut deleted = 0;
        for blobs in blobs.chunks(LIST) {
            let gone = self.ledger.staging.delete(blobs).await;
            deleted += gone.map_err(failed("delete blobs"))?;
            crash_point("cleared");
        }
        Ok(deleted)
    }

    /// Those of these kept blobs of which deliveries may still get into mailboxes, or have got there since
    /// then: a ledger that is restored from a backup does not know of it.
    async fn undelivered(
        &self,
        kept: &[StoredBlob],
        since: i64,
    ) -> Result<HashSet<String>, LedgerError> {
        let mut undelivered = HashSet::new();
        let tail = format!(
            " AND ({UNDELIVERED} OR EXISTS (SELECT 1 FROM deliveries d \
             WHERE d.item >= b.first AND d.item < b.first + b.items AND d.settled >= "
        );
        for blobs in kept.chunks(LIST) {
            let keys: Vec<_> = blobs.iter().map(|blob| Cell::text(&blob.key)).collect();
            let select = "SELECT DISTINCT k.blob FROM kept k JOIN batches b ON b.id = k.batch \
                WHERE k.blob ";
            let statement = query(select).list(&keys).sql(&tail);
            let statement = statement.int(since).sql("))");
            let mut conn = self.ledger.database.read().await?;
            let rows = statement.fetch(&mut conn).await;
            for row in rows.during("look what is kept for whom")? {
                undelivered.insert(row.text(0).during("look what is kept for whom")?);
            }
        }
        Ok(undelivered)
    }

    /// Forgets for which batches these blobs were kept, where they are all delivered: what is once in its
    /// mailbox never waits again.
    async fn forget(&self, kept: &[StoredBlob]) -> Result<(), LedgerError> {
        let tail = format!(
            " AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.id = kept.batch AND {UNDELIVERED})"
        );
        for blobs in kept.chunks(LIST) {
            let keys: Vec<_> = blobs.iter().map(|blob| Cell::text(&blob.key)).collect();
            let statement = query("DELETE FROM kept WHERE blob ").list(&keys).sql(&tail);
            let mut tx = self.ledger.database.begin().await?;
            let forgotten = statement.execute(&mut tx).await;
            forgotten.during("forget what was kept")?;
            tx.commit().await.during("forget what was kept")?;
        }
        Ok(())
    }
}
