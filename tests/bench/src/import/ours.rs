//! The import stage's own targets, driven as the stage drives them.

use std::{ops::Range, path::Path, time::Duration};

use anyhow::Context as _;
use chatkeep_mailbox_import::target::{
    self, OpenGate, Outcome, Target, Tenants, Timeouts, open_target,
};
use chatkeep_model::connector::Connector;
use chatkeep_staging::{Blob, BlobKind, BlobRange, Staging};
use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

use crate::corpus::{OURS, rendered::Message};

/// Items per blob, as conversion writes them.
const PER_BLOB: usize = 100;
/// Deliveries per journaled batch.
const BATCH: usize = 50;

/// Messages in staging.
#[derive(Debug)]
pub(crate) struct Staged {
    runtime: Runtime,
    staging: Staging,
    parts: Vec<Part>,
    /// The parts of each mailbox.
    mailboxes: Vec<Range<usize>>,
}

/// Where a message lies.
#[derive(Debug)]
struct Part {
    mailbox: String,
    id: String,
    date: i64,
    blob: Blob,
    offset: u64,
    size: u64,
    sha256: [u8; 32],
}

impl Staged {
    /// Stages messages in order of time, as they were captured.
    pub(crate) fn new(messages: &[Message], folder: &Path) -> anyhow::Result<Self> {
        let runtime = Runtime::new().context("start runtime")?;
        let staging = Staging::folder(folder)?;
        let mut in_time: Vec<_> = messages.iter().collect();
        in_time.sort_by_key(|message| message.date);
        let mut parts = Vec::with_capacity(messages.len());
        for batch in in_time.chunks(PER_BLOB) {
            let bytes: Vec<_> = batch.iter().map(|message| &message.bytes[..]).collect();
            let blob = runtime.block_on(staging.put(BlobKind::Items, bytes.concat()))?;
            let mut offset = 0;
            for message in batch {
                let size = message.bytes.len() as u64;
                parts.push(Part {
                    mailbox: message.mailbox.clone(),
                    id: message.id.clone(),
                    date: message.date,
                    blob: blob.clone(),
                    offset,
                    size,
                    sha256: Sha256::digest(&message.bytes).into(),
                });
                offset += size;
            }
        }
        parts.sort_by(|a, b| (&a.mailbox, a.date).cmp(&(&b.mailbox, b.date)));
        let mut start = 0;
        let runs = parts.chunk_by(|a, b| a.mailbox == b.mailbox);
        let mailboxes = runs.map(|run| {
            start += run.len();
            start - run.len()..start
        });
        Ok(Self {
            mailboxes: mailboxes.collect(),
            runtime,
            staging,
            parts,
        })
    }

    /// Imports everything into a target, so many mailboxes at once.
    pub(crate) fn import(&self, target: &str, at_once: usize) -> anyhow::Result<()> {
        let text = format!(
            "name = \"bench\"\ndomain = \"{OURS}\"\n[[sources]]\ntype = \"archiving-export\"\npath = \
             \"x\"\n[directory]\ntype = \"csv\"\npath = \"x\"\n[target]\nfolder = \"Inbox\"\n{target}\n"
        );
        let connector = Connector::parse(&text, Path::new("/"))?;
        let timeouts = Timeouts {
            connect: Duration::from_secs(10),
            answer: Duration::from_mins(1),
        };
        let target = open_target(&connector, timeouts, &Tenants::default())?;
        let mailboxes = futures::stream::iter(&self.mailboxes);
        let all = mailboxes
            .map(|range| self.fill(&*target, &self.parts[range.clone()]))
            .buffer_unordered(at_once)
            .try_collect::<()>();
        self.runtime.block_on(all)
    }

    async fn fill(&self, target: &dyn Target, parts: &[Part]) -> anyhow::Result<()> {
        let Some(first) = parts.first() else {
            return Ok(());
        };
        let mut mailbox = target.open(&first.mailbox).await?;
        for batch in parts.chunks(BATCH) {
            let messages = self.read(batch).await?;
            let appended = mailbox.append(&messages, &OpenGate).await;
            if let Some(error) = appended.stopped {
                return Err(error.into());
            }
            let is_whole = appended
                .outcomes
                .iter()
                .all(|outcome| *outcome == Outcome::Stored);
            anyhow::ensure!(is_whole, "a message was not stored");
        }
        mailbox.close().await;
        Ok(())
    }

    async fn read(&self, parts: &[Part]) -> anyhow::Result<Vec<target::Message>> {
        let range = |part: &Part| BlobRange {
            blob: part.blob.clone(),
            offset: part.offset,
            size: part.size,
        };
        let read = self
            .staging
            .ranges(parts.iter().map(range).collect())
            .await?;
        let messages = parts.iter().zip(read).map(|(part, bytes)| {
            let bytes = bytes.context("a staged part is missing")?;
            let sha256: [u8; 32] = Sha256::digest(&bytes).into();
            anyhow::ensure!(sha256 == part.sha256, "a staged part was altered");
            Ok(target::Message {
                id: part.id.clone(),
                date: part.date,
                bytes,
            })
        });
        messages.collect()
    }
}
