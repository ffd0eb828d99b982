use std::io::{self, Read, Seek as _, SeekFrom, Write};

use chatkeep_pipeline::{ResultExt as _, StageError, Verdict};
use chatkeep_proto::v1::Chunk;
use chatkeep_staging::{BlobKind, BlobReader, FrameWriter, Spool, Staging};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::{SHARDS, record::CapturedRecord};
use crate::{quarantine::commit, sorting::Run};

/// Writes sorted records as a chunk, shard after shard.
pub(super) struct ChunkWriter {
    staging: Staging,
    frames: FrameWriter<HashedSpool>,
    /// Where the shards begun so far start.
    offsets: Vec<u64>,
    hashes: Vec<Vec<u8>>,
    records: u64,
}

impl ChunkWriter {
    pub(super) fn new(staging: &Staging) -> Result<Self, StageError> {
        let spool = HashedSpool {
            spool: staging.spool().or_retry("store chunk")?,
            hash: Sha256::new(),
        };
        Ok(Self {
            staging: staging.clone(),
            frames: FrameWriter::new(spool),
            offsets: vec![0],
            hashes: Vec::new(),
            records: 0,
        })
    }

    /// Records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Adds a record; none of an earlier shard may follow.
    pub(super) fn push(&mut self, record: &CapturedRecord) -> Result<(), StageError> {
        self.end_shards(record.shard);
        self.records += 1;
        self.frames.push(record).or_retry("store chunk").map(drop)
    }

    /// Stores the chunk; `None` when nothing is in it. Blocks.
    pub(super) fn finish(mut self) -> Result<Option<Chunk>, StageError> {
        if self.records == 0 {
            return Ok(None);
        }
        self.end_shards(SHARDS);
        let spool = self.frames.into_inner().spool;
        let blob = commit(&self.staging, BlobKind::Chunk, spool).or_retry("store chunk")?;
        Ok(Some(Chunk {
            blob: Some(blob),
            offsets: self.offsets,
            sha256: self.hashes.into_iter().map(Into::into).collect(),
        }))
    }

    /// Ends shards until `shard` is the one being written.
    fn end_shards(&mut self, shard: u32) {
        while self.hashes.len() < shard as usize {
            let hash = std::mem::take(&mut self.frames.get_mut().hash);
            self.hashes.push(hash.finalize().to_vec());
            self.offsets.push(self.frames.offset());
        }
    }
}

struct HashedSpool {
    spool: Spool,
    hash: Sha256,
}

impl Write for HashedSpool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.spool.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spool.flush()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("chunk does not tell where its shards are")]
struct NoShards;

/// Opens a shard of a chunk; `None` when it is empty. Blocks.
pub(super) fn open_shard(
    staging: &Staging,
    chunk: &Chunk,
    shard: u32,
) -> Result<Option<Run<CapturedRecord>>, StageError> {
    let shard = shard as usize;
    let bounds = chunk.offsets.get(shard..shard + 2);
    let (Some([start, end]), Some(hash), Some(blob)) =
        (bounds, chunk.sha256.get(shard), &chunk.blob)
    else {
        return Err(StageError::new(Verdict::Reject, "open chunk", NoShards));
    };
    if start == end {
        return Ok(None);
    }
    let opened = Handle::current().block_on(staging.open(blob));
    let mut reader = opened.or_retry("open chunk")?;
    reader
        .seek(SeekFrom::Start(*start))
        .or_retry("open chunk")?;
    Ok(Some(Run::frames(ShardReader {
        reader,
        left: end.saturating_sub(*start),
        hash: Sha256::new(),
        expected: hash.to_vec(),
    })))
}

/// Reads the bytes of one shard and fails at their end when they do not have their hash.
struct ShardReader {
    reader: BlobReader,
    left: u64,
    hash: Sha256,
    expected: Vec<u8>,
}

impl Read for ShardReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.reader.read(&mut buffer[..wanted])?;
        self.hash.update(&buffer[..read]);
        self.left -= read as u64;
        if read == 0 && !buffer.is_empty() {
            let hash = self.hash.clone().finalize();
            if self.left > 0 || hash.as_slice() != self.expected {
                let reason = "shard does not have its hash";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
        }
        Ok(read)
    }
}
