//! Writes manifests: into files of a folder, or into staging.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use chatkeep_staging::{BlobKind, Spool, Staging, StagingError};
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{SealError, Trailer};
use crate::error::LedgerError;

/// What the name of a file ends with while it is being written.
const DRAFT: &str = "draft";

/// A manifest that is being written.
pub(super) struct Manifest {
    out: Out,
    hash: Sha256,
}

enum Out {
    /// Under a name of this process's own.
    File {
        draft: PathBuf,
        file: PathBuf,
        writer: BufWriter<File>,
    },
    Blob(Spool),
}

/// A manifest that was written to its end.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Its file, or its key in staging.
    pub(crate) name: String,
    pub(crate) sha256: [u8; 32],
    /// Where a file is until it is published.
    draft: Option<PathBuf>,
}

impl Written {
    /// Gives a file its name, in the transaction that records it: only one process gets there.
    pub(crate) fn publish(&self) -> Result<(), LedgerError> {
        let Some(draft) = &self.draft else {
            return Ok(());
        };
        let file = Path::new(&self.name);
        let renamed = fs::rename(draft, file).and_then(|()| sync_folder(file));
        renamed.map_err(|source| write_error(file, source))
    }
}

impl Manifest {
    /// Begins a file; `process` tells this process from others that may write the same.
    pub(super) fn file(file: PathBuf, process: &str) -> Result<Self, LedgerError> {
        let draft = file.with_extension(format!("{process}.{DRAFT}"));
        let open = || {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
                remove_drafts(folder)?;
            }
            File::create(&draft)
        };
        let writer = open().map_err(|source| write_error(&draft, source))?;
        Ok(Self::to(Out::File {
            draft,
            file,
            writer: BufWriter::new(writer),
        }))
    }

    /// Begins a blob.
    pub(super) fn blob(staging: &Staging) -> Result<Self, LedgerError> {
        let spool = staging.spool();
        let spool = spool.map_err(|source| LedgerError::Staging {
            action: "begin manifest",
            source,
        })?;
        Ok(Self::to(Out::Blob(spool)))
    }

    fn to(out: Out) -> Self {
        Self {
            out,
            hash: Sha256::new(),
        }
    }

    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), LedgerError> {
        let mut bytes = serde_json::to_vec(line).map_err(|source| LedgerError::Seal {
            source: SealError::Encode { source },
        })?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        match &mut self.out {
            Out::File { draft, writer, .. } => {
                let written = writer.write_all(&bytes);
                written.map_err(|source| write_error(draft, source))
            }
            Out::Blob(spool) => {
                let written = spool.write_all(&bytes);
                written.map_err(|source| LedgerError::Staging {
                    action: "write manifest",
                    source: StagingError::Write { source },
                })
            }
        }
    }

    /// Writes the trailer. On return the manifest will outlast a crash.
    pub(super) async fn finish(
        mut self,
        items: u64,
        staging: &Staging,
    ) -> Result<Written, LedgerError> {
        let trailer = Trailer {
            items,
            sha256: HEXLOWER.encode(&self.hash.clone().finalize()),
        };
        self.line(&trailer)?;
        let sha256 = self.hash.finalize().into();
        match self.out {
            Out::File {
                draft,
                file,
                writer,
            } => {
                let inner = writer.into_inner().map_err(io::IntoInnerError::into_error);
                let synced = inner.and_then(|file| file.sync_all());
                synced.map_err(|source| write_error(&draft, source))?;
                Ok(Written {
                    name: file.display().to_string(),
                    sha256,
                    draft: Some(draft),
                })
            }
            Out::Blob(spool) => {
                let blob = staging.commit(BlobKind::Seal, spool).await;
                let blob = blob.map_err(|source| LedgerError::Staging {
                    action: "store manifest",
                    source,
                })?;
                Ok(Written {
                    name: blob.key,
                    sha256,
                    draft: None,
                })
            }
        }
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
