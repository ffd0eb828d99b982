use std::{fs::File, io};

use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::Quarantined;
use chatkeep_staging::{Blob, BlobKind, Staging, StagingError};
use tokio::runtime::Handle;

use crate::work::Work;

/// Stores a file's original bytes. Blocks. `None` when they are no longer those with this hash.
pub(crate) fn keep_original(
    work: &Work,
    path: &str,
    sha256: &[u8; 32],
) -> Result<Option<Blob>, StageError> {
    let mut file = File::open(work.path_of(path)).or_retry("read source file")?;
    let mut spool = work.staging.spool().or_retry("keep original bytes")?;
    io::copy(&mut file, &mut spool).or_retry("keep original bytes")?;
    let stored = commit(&work.staging, BlobKind::Quarantine, spool);
    let blob = stored.or_retry("keep original bytes")?;
    Ok((blob.sha256.as_ref() == sha256).then_some(blob))
}

/// A file that could not be read: it counts as one record.
pub(crate) fn quarantined(path: &str, reason: &'static str, original: Blob) -> Quarantined {
    Quarantined {
        source: path.to_owned(),
        reason: reason.to_owned(),
        records: 1,
        original: Some(original),
        ..Quarantined::default()
    }
}

/// Commits a spool from a thread that may block.
pub(crate) fn commit(
    staging: &Staging,
    kind: BlobKind,
    spool: chatkeep_staging::Spool,
) -> Result<Blob, StagingError> {
    Handle::current().block_on(staging.commit(kind, spool))
}
