//! The floor: what durable Maildir writing costs when nothing else is done.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, UNIX_EPOCH},
};

use crate::corpus::rendered::Message;

/// Files that are written, then synced, then renamed together.
const BATCH: usize = 50;

/// A mailbox's messages, its Maildir made.
#[derive(Debug)]
pub(crate) struct Mailbox<'a> {
    folder: PathBuf,
    messages: Vec<&'a Message>,
}

/// Makes the folders, which is not measured.
pub(crate) fn prepare<'a>(messages: &'a [Message], root: &Path) -> io::Result<Vec<Mailbox<'a>>> {
    let mut mailboxes = BTreeMap::<_, Vec<_>>::new();
    for message in messages {
        mailboxes.entry(&message.mailbox).or_default().push(message);
    }
    let prepared = mailboxes.into_iter().map(|(name, messages)| {
        let folder = root.join(name);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part))?;
        }
        Ok(Mailbox { folder, messages })
    });
    prepared.collect()
}

/// Writes everything, so many mailboxes at once.
pub(crate) fn write(mailboxes: &[Mailbox<'_>], threads: usize) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(mailbox) = mailboxes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = mailbox.write()
                        && let Ok(mut failure) = failure.lock()
                    {
                        *failure = Some(error);
                    }
                }
            });
        }
    });
    failure.into_inner().ok().flatten().map_or(Ok(()), Err)
}

impl Mailbox<'_> {
    fn write(&self) -> io::Result<()> {
        let current = self.folder.join("cur");
        let directory = File::open(&current)?;
        for (number, batch) in self.messages.chunks(BATCH).enumerate() {
            let mut written = Vec::with_capacity(batch.len());
            for (position, message) in batch.iter().enumerate() {
                let name = format!("{}.{number}-{position}.raw:2,S", message.date);
                let path = self.folder.join("tmp").join(&name);
                let mut file = File::create_new(&path)?;
                file.write_all(&message.bytes)?;
                let seconds = u64::try_from(message.date).unwrap_or_default();
                file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))?;
                written.push((file, path, current.join(&name)));
            }
            for (file, ..) in &written {
                file.sync_all()?;
            }
            for (_, from, to) in &written {
                fs::rename(from, to)?;
            }
            directory.sync_all()?;
        }
        Ok(())
    }
}
