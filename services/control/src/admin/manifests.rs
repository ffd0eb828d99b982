//! Manifests, read back for whoever keeps copies of them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use chatkeep_proto::v1::{Blob, ManifestPiece};
use chatkeep_staging::{BlobReader, StagingError};
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::{
    database::query,
    error::{During as _, LedgerError, read_aside},
    ledger::{Ledger, capture::connector_key},
    seal::{SealError, Seals},
};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;

/// A manifest, as the ledger knows it.
struct Known {
    number: i64,
    /// Its file, or its key in staging.
    name: String,
    sha256: Vec<u8>,
}

enum Source {
    File(File, PathBuf),
    Blob(Box<BlobReader>),
}

impl Source {
    fn read(&mut self) -> Result<Vec<u8>, LedgerError> {
        let mut piece = Vec::new();
        let limit = PIECE as u64;
        let read = match self {
            Self::File(file, _) => file.take(limit).read_to_end(&mut piece),
            Self::Blob(blob) => blob.take(limit).read_to_end(&mut piece),
        };
        read.map_err(|source| match self {
            Self::File(_, path) => unreadable(path, source),
            Self::Blob(_) => staging(StagingError::Read { source }),
        })?;
        Ok(piece)
    }
}

/// Every manifest of a connector, in order, piece by piece.
pub(crate) async fn manifests(
    ledger: Arc<Ledger>,
    connector: &str,
) -> Result<BoxStream<'static, Result<ManifestPiece, LedgerError>>, LedgerError> {
    let known = known(&ledger, connector).await?;
    let pieces = stream::iter(known)
        .then(move |known| {
            let ledger = Arc::clone(&ledger);
            async move {
                let source = open(&ledger, &known).await?;
                Ok::<_, LedgerError>(pieces(known.number, source))
            }
        })
        .try_flatten();
    Ok(pieces.boxed())
}

async fn known(ledger: &Ledger, connector: &str) -> Result<Vec<Known>, LedgerError> {
    let mut conn = ledger.database.read().await?;
    let connector = connector_key(&mut conn, connector).await?;
    let all = query("SELECT number, file, sha256 FROM seals WHERE connector = $1 ORDER BY number");
    let rows = all.bind(connector).long().fetch(&mut conn).await;
    let rows = rows.during("list manifests")?;
    let known = rows.iter().map(|row| {
        Ok(Known {
            number: row.int(0)?,
            name: row.text(1)?,
            sha256: row.bytes(2)?,
        })
    });
    known.collect::<Result<_, _>>().during("list manifests")
}

async fn open(ledger: &Ledger, known: &Known) -> Result<Source, LedgerError> {
    match ledger.seals {
        Seals::Folder(_) => {
            let path = PathBuf::from(&known.name);
            let file = File::open(&path).map_err(|source| unreadable(&path, source))?;
            Ok(Source::File(file, path))
        }
        Seals::Staging => {
            let page = ledger.staging.list(&known.name, None).await;
            let stored = page.map_err(staging)?.blobs.into_iter();
            let mut stored = stored.filter(|blob| blob.key == known.name);
            let stored = stored.next().ok_or(LedgerError::Unknown("manifest"))?;
            let blob = Blob {
                key: known.name.clone(),
                sha256: known.sha256.clone().into(),
                size: stored.size,
            };
            let reader = ledger.staging.open(&blob).await.map_err(staging)?;
            Ok(Source::Blob(Box::new(reader)))
        }
    }
}

fn pieces(number: i64, source: Source) -> BoxStream<'static, Result<ManifestPiece, LedgerError>> {
    stream::try_unfold(source, move |mut source| async move {
        let read = read_aside(move || source.read().map(|piece| (piece, source)));
        let (piece, source) = read.await?;
        let piece = (!piece.is_empty()).then(|| ManifestPiece {
            number,
            content: piece.into(),
        });
        Ok(piece.map(|piece| (piece, source)))
    })
    .boxed()
}

fn unreadable(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Seal {
        source: SealError::Read {
            path: path.to_owned(),
            source,
        },
    }
}

fn staging(source: StagingError) -> LedgerError {
    LedgerError::Staging {
        action: "read manifest",
        source,
    }
}
