use std::{io, time::Duration};

use chatkeep_model::{
    UtcTime,
    connector::{Connector, FileSource, Source},
};
use tokio::runtime::Handle;

use crate::{
    database::{self, DatabaseError},
    eml::{Files, Limits, Mail, StoredFile},
    folder::{self, FolderError, Found as FoundFile, HashedFile, file_name},
    list::role_of,
    xml,
};

/// How long the files of folders are counted: short enough to wait for, and for a call.
pub(crate) const COUNTING: Duration = Duration::from_secs(5);
/// Files that are read.
const READ: usize = 20;

/// What a source holds.
#[derive(Debug)]
pub struct Finding {
    /// Position of the source in the connector file, from 1.
    pub source: usize,
    /// The source's `type`.
    pub kind: &'static str,
    /// What was found, or why nothing could be.
    pub result: Result<Found, SourceError>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// How many files a folder has, and what the first of them are.
    Files(Sample),
    /// What a database says about itself.
    Database(DatabaseSample),
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder.
    #[error(transparent)]
    Folder(FolderError),
    /// The database.
    #[error(transparent)]
    Database(DatabaseError),
}

/// What a database says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSample {
    /// What tells it apart from others.
    pub identity: String,
    /// Columns it could have and has not, with their tables.
    pub absent: Vec<String>,
    /// Its first message and its last one, Unix seconds; `None` when there is none.
    pub first: Option<i64>,
    /// The last one.
    pub last: Option<i64>,
}

/// How many files a folder has, and what the first of them are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Files that hold records, as many as could be counted in time.
    pub files: u64,
    /// True when there are more.
    pub has_more: bool,
    /// Files among them that are none of the source's.
    pub foreign: u64,
    /// Files that were read as a trial.
    pub read: usize,
    /// Trial files that would be quarantined, each with its reason.
    pub damaged: Vec<(String, &'static str)>,
    /// Trial files that the system does not let us read.
    pub unreadable: Vec<String>,
    /// The oldest conversation or event in the trial files, Unix seconds.
    pub oldest: Option<i64>,
}

/// Looks into every source: is the folder there and readable, what does it hold, do its first files
/// parse; does the database let us in, has it what it must have. Changes nothing; blocks, on a thread of
/// a runtime that may.
pub fn check(connector: &Connector) -> Vec<Finding> {
    look_into((1..).zip(&connector.sources).collect())
}

/// Looks into sources at these positions, from 1. Changes nothing; blocks.
pub(crate) fn look_into(sources: Vec<(usize, &Source)>) -> Vec<Finding> {
    let each = u32::try_from(sources.len()).unwrap_or(u32::MAX).max(1);
    let finding = |(position, source): (usize, &Source)| Finding {
        source: position,
        kind: source.type_name(),
        result: find(source, COUNTING / each),
    };
    sources.into_iter().map(finding).collect()
}

fn find(source: &Source, time: Duration) -> Result<Found, SourceError> {
    match source {
        Source::ArchivingExport(files) | Source::PersistentChatXml(files) => {
            let sample = sample(source, files, time);
            sample.map(Found::Files).map_err(SourceError::Folder)
        }
        Source::ArchivingDatabase(source) => {
            let found = Handle::current().block_on(database::archiving::look_into(source));
            found.map(Found::Database).map_err(SourceError::Database)
        }
        Source::PersistentChatDatabase(source) => {
            let found = Handle::current().block_on(database::rooms::look_into(source));
            found.map(Found::Database).map_err(SourceError::Database)
        }
    }
}

fn sample(source: &Source, files: &FileSource, time: Duration) -> Result<Sample, FolderError> {
    let (found, count) = folder::count(&files.path, role_of(source), time)?;
    let mut sample = Sample {
        files: count.files,
        has_more: !count.is_complete,
        foreign: count.foreign,
        ..Sample::default()
    };
    for file in found.iter().take(READ) {
        sample.read += 1;
        let seen =
            |time: i64| sample.oldest = Some(sample.oldest.map_or(time, |old| old.min(time)));
        match trial(source, files, file, seen) {
            Ok(None) => {}
            Ok(Some(reason)) => sample.damaged.push((file.path.clone(), reason)),
            Err(_) => sample.unreadable.push(file.path.clone()),
        }
    }
    Ok(sample)
}

/// The reason for which a file would be quarantined. Tells the times in it, Unix seconds.
fn trial(
    source: &Source,
    files: &FileSource,
    file: &FoundFile,
    mut seen: impl FnMut(i64),
) -> Result<Option<&'static str>, Box<dyn std::error::Error>> {
    let path = files.path.join(&file.path);
    let mut reader = HashedFile::open(&path, file.stamp.size)?;
    match source {
        Source::ArchivingExport(_) => {
            let mail = match Mail::open(&mut reader, file_name(&file.path))? {
                Ok(mail) => mail,
                Err(damage) => return Ok(Some(damage.reason())),
            };
            seen(mail.envelope.start.seconds());
            let body = mail.read_body(Limits::default(), &mut Nowhere)?;
            Ok(body.err().map(crate::eml::Damage::reason))
        }
        Source::PersistentChatXml(_) => {
            let read = xml::read(&mut reader, |event| {
                if let Some(time) = UtcTime::from_ticks(event.ticks) {
                    seen(time.seconds());
                }
                Ok::<_, io::Error>(())
            })?;
            Ok(read.err().map(xml::Damage::reason))
        }
        Source::ArchivingDatabase(_) | Source::PersistentChatDatabase(_) => Ok(None),
    }
}

/// Attachments of a trial are read and forgotten.
pub(crate) struct Nowhere;

impl Files for Nowhere {
    type File = io::Sink;

    fn create(&mut self) -> io::Result<io::Sink> {
        Ok(io::sink())
    }

    fn store(&mut self, _: io::Sink) -> io::Result<StoredFile> {
        Ok(StoredFile {
            key: String::new(),
            sha256: [0; 32],
            size: 0,
        })
    }
}
