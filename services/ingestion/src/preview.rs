//! The first conversations of a source, read as a run would read them, and kept nowhere.

use std::{io, path::Path};

use chatkeep_model::{
    Conversation,
    connector::{FileSource, Source},
};
use tokio::runtime::Handle;

use crate::{
    check::{Nowhere, SourceError},
    database,
    eml::{Limits, Mail},
    folder::{FolderError, Found, HashedFile, Walk, file_name},
    list::role_of,
    rooms, transcripts, xml,
};

/// Files that are looked at: the first ones may hold nothing that can be shown.
const FILES: usize = 100;
/// Events read of a room's file.
const EVENTS: usize = 5_000;

/// A conversation and the file it was read from, relative to the source; of a database the table.
#[derive(Debug)]
pub(crate) struct Previewed {
    pub(crate) file: String,
    pub(crate) conversation: Conversation,
}

/// Reads at most `limit` conversations. Files that would be quarantined, or that cannot be read, are
/// passed over: `check` tells of them. Blocks.
pub(crate) fn preview(
    connector: &str,
    source: &Source,
    limit: usize,
) -> Result<Vec<Previewed>, SourceError> {
    match source {
        Source::ArchivingExport(files) | Source::PersistentChatXml(files) => {
            preview_files(connector, source, files, limit).map_err(SourceError::Folder)
        }
        Source::ArchivingDatabase(source) => {
            let previewed = database::archiving::preview(connector, source, limit);
            let previewed = Handle::current().block_on(previewed);
            previewed.map_err(SourceError::Database)
        }
    }
}

fn preview_files(
    connector: &str,
    source: &Source,
    files: &FileSource,
    limit: usize,
) -> Result<Vec<Previewed>, FolderError> {
    let root = &files.path;
    let mut walk = Walk::open(root, role_of(source))?;
    let mut previewed = Vec::new();
    for found in walk.page(FILES)? {
        if previewed.len() >= limit {
            break;
        }
        let conversations = read(connector, source, root, &found).unwrap_or_default();
        let conversations = conversations.into_iter().map(|conversation| Previewed {
            file: found.path.clone(),
            conversation,
        });
        previewed.extend(conversations);
    }
    previewed.truncate(limit);
    Ok(previewed)
}

/// The conversations of one file; none where it is damaged.
fn read(
    connector: &str,
    source: &Source,
    root: &Path,
    found: &Found,
) -> Result<Vec<Conversation>, Box<dyn std::error::Error>> {
    let mut reader = HashedFile::open(&root.join(&found.path), found.stamp.size)?;
    let conversations = match source {
        Source::ArchivingExport(_) => {
            let Ok(mail) = Mail::open(&mut reader, file_name(&found.path))? else {
                return Ok(Vec::new());
            };
            let eml = mail.read_body(Limits::default(), &mut Nowhere)?.ok();
            let conversation = |eml| transcripts::conversation(connector, eml, None);
            eml.map(conversation).into_iter().collect()
        }
        Source::PersistentChatXml(_) => {
            let mut events = Vec::new();
            let read = xml::read(&mut reader, |event| {
                if events.len() < EVENTS {
                    events.push(event);
                }
                Ok::<_, io::Error>(())
            })?;
            if read.is_err() {
                return Ok(Vec::new());
            }
            rooms::conversations(connector, events)
        }
        Source::ArchivingDatabase(_) => Vec::new(),
    };
    let inside = |found: &Conversation| source.contains(found.start);
    Ok(conversations.into_iter().filter(inside).collect())
}
