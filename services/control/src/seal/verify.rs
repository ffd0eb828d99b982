use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{Header, Line, SealKind, Trailer, manifest_name, state_word};

/// What is wrong with a chain of manifests.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A manifest of the chain is missing or cannot be read.
    #[error("read manifest {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("read line {line} of manifest {path}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reader's reason.
        source: serde_json::Error,
    },
    /// The file breaks off.
    #[error("read manifest {path}: it ends after line {line}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The last line, from 1.
        line: usize,
    },
    /// What a line says is not so.
    #[error("check line {line} of manifest {path}: {problem}")]
    Altered {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// A chain without a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The connector whose runs it is about.
    pub connector: String,
    /// Manifests, seals and addenda.
    pub manifests: u64,
    /// Items in seals.
    pub items: u64,
}

/// One checked manifest.
struct Checked {
    header: Header,
    items: u64,
    sha256: String,
}

/// Checks a manifest and all before it, back to the first: hashes, links, counts and equations. Reads
/// only files.
pub fn verify_offline(manifest: &Path) -> Result<Verified, VerifyError> {
    let mut path = manifest.to_owned();
    let mut checked = check(&path)?;
    let mut verified = Verified {
        connector: checked.header.connector.clone(),
        manifests: 0,
        items: 0,
    };
    loop {
        verified.manifests += 1;
        if checked.header.kind == SealKind::Seal {
            verified.items += checked.items;
        }
        let number = checked.header.seal;
        let altered = |problem| VerifyError::Altered {
            path: path.clone(),
            line: 1,
            problem,
        };
        if number == 1 {
            if checked.header.previous.is_empty() {
                return Ok(verified);
            }
            return Err(altered("the first manifest names one before it"));
        }
        let before = manifest.with_file_name(manifest_name(number - 1));
        let earlier = check(&before)?;
        if earlier.sha256 != checked.header.previous {
            return Err(altered(
                "the manifest before it is not the one it was chained to",
            ));
        }
        if earlier.header.connector != checked.header.connector || earlier.header.seal + 1 != number
        {
            return Err(altered("the manifest before it is of another chain"));
        }
        path = before;
        checked = earlier;
    }
}

/// Reads one manifest, line by line, and checks what can be checked without the others.
fn check(path: &Path) -> Result<Checked, VerifyError> {
    let read = |source| VerifyError::Read {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(read)?);
    let mut lines = Lines {
        path,
        number: 0,
        hash: Sha256::new(),
        before: String::new(),
        text: String::new(),
    };
    if !lines.advance(&mut reader).map_err(read)? {
        return Err(lines.truncated());
    }
    let header: Header = lines.parse()?;
    let mut states: BTreeMap<String, i64> = BTreeMap::new();
    let mut items = 0;
    let trailer = loop {
        if !lines.advance(&mut reader).map_err(read)? {
            return Err(lines.truncated());
        }
        if lines.text.starts_with("{\"items\"") {
            break lines.parse::<Trailer>()?;
        }
        let line: Line = lines.parse()?;
        items += 1;
        for delivery in line.deliveries {
            *states.entry(delivery.state).or_default() += 1;
        }
    };
    if trailer.sha256 != lines.before {
        return Err(lines.altered("the lines before it were altered"));
    }
    if trailer.items != items {
        return Err(lines.altered("the number of items differs"));
    }
    if lines.advance(&mut reader).map_err(read)? {
        return Err(lines.altered("something follows the last line"));
    }
    check_balance(path, &header, &states)?;
    Ok(Checked {
        header,
        items,
        sha256: HEXLOWER.encode(&lines.hash.finalize()),
    })
}

/// Checks the equations, and that a seal's lines are what its counts say.
fn check_balance(
    path: &Path,
    header: &Header,
    states: &BTreeMap<String, i64>,
) -> Result<(), VerifyError> {
    let altered = |problem| VerifyError::Altered {
        path: path.to_owned(),
        line: 1,
        problem,
    };
    let balance = &header.balance;
    if balance.records_gap() != 0 {
        return Err(altered("the equation of records is open"));
    }
    if balance.unplanned != 0 {
        return Err(altered("items were never planned"));
    }
    if balance.deliveries_gap() != 0 {
        return Err(altered("the equation of deliveries is open"));
    }
    let is = |state: i64, count: i64| states.get(state_word(state)).copied().unwrap_or(0) == count;
    let fits = is(1, balance.imported)
        && is(2, balance.partially_imported)
        && is(3, balance.skipped)
        // Some of the failed may have been held too long, and never were deliveries.
        && states.get(state_word(4)).copied().unwrap_or(0) <= balance.failed;
    if header.kind == SealKind::Seal && !fits {
        return Err(altered("the counts differ from the deliveries listed"));
    }
    Ok(())
}

/// A position in a manifest.
struct Lines<'a> {
    path: &'a Path,
    number: usize,
    hash: Sha256,
    /// SHA-256 of all lines before the current one.
    before: String,
    text: String,
}

impl Lines<'_> {
    /// Reads the next line; false at the end of the file.
    fn advance(&mut self, reader: &mut BufReader<File>) -> io::Result<bool> {
        self.text.clear();
        if reader.read_line(&mut self.text)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.before = if self.text.starts_with("{\"items\"") {
            HEXLOWER.encode(&self.hash.clone().finalize())
        } else {
            String::new()
        };
        self.hash.update(self.text.as_bytes());
        Ok(true)
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, VerifyError> {
        serde_json::from_str(&self.text).map_err(|source| VerifyError::Line {
            path: self.path.to_owned(),
            line: self.number,
            source,
        })
    }

    fn truncated(&self) -> VerifyError {
        VerifyError::Truncated {
            path: self.path.to_owned(),
            line: self.number,
        }
    }

    fn altered(&self, problem: &'static str) -> VerifyError {
        VerifyError::Altered {
            path: self.path.to_owned(),
            line: self.number,
            problem,
        }
    }
}
