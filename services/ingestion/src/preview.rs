//! The first conversations of a source, read as a run would read them, and kept nowhere; and how much the source
//! holds.

use std::{io, path::Path, time::Duration};

use chatkeep_model::{
    Conversation,
    connector::{DatabaseSource, FileSource, Source},
};
use tokio::runtime::Handle;

use crate::{
    check::{Nowhere, SourceError},
    database,
    eml::{Limits, Mail},
    folder::{self, Count, FolderError, Found, HashedFile, file_name},
    list::role_of,
    rooms, transcripts, xml,
};

/// Events read of a room's file.
const EVENTS: usize = 5_000;

/// A conversation and the file it was read from, relative to the source; of a database the table.
#[derive(Debug)]
pub(crate) struct Previewed {
    pub(crate) file: String,
    pub(crate) conversation: Conversation,
}

/// How much a source holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    /// Files that hold records, and their bytes; none of a database.
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Rows of a database; `None` where counting them took too long, and of folders.
    pub(crate) rows: Option<u64>,
    /// False: there is more.
    pub(crate) is_complete: bool,
    /// The part of it that the conversations were read from; `None` where that says nothing.
    pub(crate) share: Option<f64>,
}

/// Conversations, and how much there is where that was asked for.
type Preview = (Vec<Previewed>, Option<Extent>);

/// Reads at most `limit` conversations; `counting` is how long may be counted what there is. Files that would
/// be quarantined, or that cannot be read, are passed over: `check` tells of them. Blocks.
pub(crate) fn preview(
    connector: &str,
    source: &Source,
    limit: usize,
    counting: Option<Duration>,
) -> Result<Preview, SourceError> {
    match source {
        Source::ArchivingExport(files) | Source::PersistentChatXml(files) => {
            let time = counting.unwrap_or_default();
            let previewed = preview_files((connector, source), files, limit, time);
            let (previewed, extent) = previewed.map_err(SourceError::Folder)?;
            Ok((previewed, counting.map(|_| extent)))
        }
        Source::ArchivingDatabase(database) | Source::PersistentChatDatabase(database) => {
            let previewed = preview_database((connector, source), database, limit, counting);
            let previewed = Handle::current().block_on(previewed);
            previewed.map_err(SourceError::Database)
        }
    }
}

async fn preview_database(
    (connector, source): (&str, &Source),
    database: &DatabaseSource,
    limit: usize,
    counting: Option<Duration>,
) -> Result<Preview, database::DatabaseError> {
    let is_rooms = matches!(source, Source::PersistentChatDatabase(_));
    let previewed = if is_rooms {
        database::rooms::preview(connector, database, limit).await?
    } else {
        database::archiving::preview(connector, database, limit).await?
    };
    let mut previewed = previewed;
    previewed.retain(|one| source.contains(one.conversation.start));
    let Some(time) = counting else {
        return Ok((previewed, None));
    };
    let window = source.seconds();
    let rows = if is_rooms {
        database::rooms::count(database, window, time).await?
    } else {
        database::archiving::count(database, window, time).await?
    };
    let records = previewed.iter().map(|one| one.conversation.records.len());
    let read: usize = records.sum();
    let extent = Extent {
        files: 0,
        bytes: 0,
        rows,
        is_complete: rows.is_some(),
        share: rows.and_then(|rows| share_of(&previewed, number(read as u64), number(rows))),
    };
    Ok((previewed, Some(extent)))
}

fn preview_files(
    (connector, source): (&str, &Source),
    files: &FileSource,
    limit: usize,
    time: Duration,
) -> Result<(Vec<Previewed>, Extent), FolderError> {
    let root = &files.path;
    let (first, count) = folder::count(root, role_of(source), time)?;
    // A mail is a conversation. How many days of rooms there are, the size of a file tells.
    let is_by_file = matches!(source, Source::ArchivingExport(_));
    let weight = |file: &Found| if is_by_file { 1 } else { file.stamp.size };
    let mut previewed = Vec::new();
    let mut read_weight = 0.0;
    for found in first {
        if previewed.len() >= limit {
            break;
        }
        let read = read(connector, source, root, &found).unwrap_or_default();
        let shown = read.conversations.len().min(limit - previewed.len());
        let kept = share(
            number(shown as u64),
            number(read.conversations.len() as u64),
        );
        read_weight += number(weight(&found)) * read.share * kept.unwrap_or_default();
        let conversations = read.conversations.into_iter().take(shown);
        previewed.extend(conversations.map(|conversation| Previewed {
            file: found.path.clone(),
            conversation,
        }));
    }
    let whole = if is_by_file { count.files } else { count.bytes };
    let share = share_of(&previewed, read_weight, number(whole));
    Ok((
        previewed,
        Extent {
            share,
            ..count.into()
        },
    ))
}

/// The part of a whole that conversations were read from. Where the first ones all lie outside of what the source
/// has to hand over, or are damaged, that says nothing of the others.
fn share_of(previewed: &[Previewed], part: f64, whole: f64) -> Option<f64> {
    share(part, whole).filter(|_| !previewed.is_empty() || whole <= 0.0)
}

/// The part that is of a whole; of nothing it is all, and no part of something says anything.
fn share(part: f64, whole: f64) -> Option<f64> {
    if whole <= 0.0 {
        return Some(1.0);
    }
    // A file may have grown since it was counted.
    (part > 0.0).then(|| (part / whole).min(1.0))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 2^53 files, bytes or rows a share is not exact"
)]
fn number(count: u64) -> f64 {
    count as f64
}

impl From<Count> for Extent {
    fn from(count: Count) -> Self {
        Self {
            files: count.files,
            bytes: count.bytes,
            rows: None,
            is_complete: count.is_complete,
            share: None,
        }
    }
}

/// What was read of a file.
struct Read {
    conversations: Vec<Conversation>,
    /// The part of the file that these are of.
    share: f64,
}

impl Default for Read {
    /// A damaged file was looked at, and has nothing.
    fn default() -> Self {
        Self {
            conversations: Vec::new(),
            share: 1.0,
        }
    }
}

/// The conversations of one file; none where it is damaged.
fn read(
    connector: &str,
    source: &Source,
    root: &Path,
    found: &Found,
) -> Result<Read, Box<dyn std::error::Error>> {
    let mut reader = HashedFile::open(&root.join(&found.path), found.stamp.size)?;
    let mut read = Read::default();
    read.conversations = match source {
        Source::ArchivingExport(_) => {
            let Ok(mail) = Mail::open(&mut reader, file_name(&found.path))? else {
                return Ok(read);
            };
            let eml = mail.read_body(Limits::default(), &mut Nowhere)?.ok();
            let conversation = |eml| transcripts::conversation(connector, eml, None);
            eml.map(conversation).into_iter().collect()
        }
        Source::PersistentChatXml(_) => {
            let (mut events, mut all) = (Vec::new(), 0);
            let whole = xml::read(&mut reader, |event| {
                all += 1;
                if events.len() < EVENTS {
                    events.push(event);
                }
                Ok::<_, io::Error>(())
            })?;
            if whole.is_err() {
                return Ok(read);
            }
            read.share = share(number(events.len() as u64), number(all)).unwrap_or(1.0);
            rooms::conversations(connector, events)
        }
        Source::ArchivingDatabase(_) | Source::PersistentChatDatabase(_) => Vec::new(),
    };
    read.conversations
        .retain(|found| source.contains(found.start));
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_a_conversation_say_nothing_of_the_others_and_an_empty_source_is_read_whole() {
        assert_eq!(share_of(&[], 100.0, 1_000.0), None);
        assert_eq!(share_of(&[], 0.0, 0.0), Some(1.0));
    }
}
