//! Files: looked for, written, made durable and put in place under a lock.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chatkeep_pipeline::crash_point;
use rustix::{
    fs::{Advice, CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::layout::{FolderName, file_name, key_in, key_of};
use crate::target::{Content, Copy, CopyKey, Message, Outcome, Refusal, Stored};

/// How long to wait for another process that holds a mailbox: less than this one has to stop.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// Files that one thread makes durable; more are shared out. A disk takes several syncs at a time.
const FILES_PER_THREAD: usize = 13;

/// The folder of one mailbox.
pub(super) struct Store {
    folder: PathBuf,
    lock: File,
    domain: Arc<str>,
    known: Mutex<Known>,
}

/// The keys of the messages in the folder, as of when its directories were last changed.
#[derive(Default)]
struct Known {
    keys: HashSet<String>,
    as_of: Option<[SystemTime; 2]>,
}

/// Another process has kept the mailbox's lock for longer than anybody waits.
#[derive(Debug, thiserror::Error)]
#[error("another process holds the mailbox")]
pub(super) struct HeldElsewhere;

impl Store {
    /// Opens the folder, making it where it is missing.
    pub(super) fn open(mailbox: &Path, folder: &FolderName, domain: Arc<str>) -> io::Result<Self> {
        make_maildir(mailbox)?;
        let path = mailbox.join(folder.as_str());
        if path != mailbox {
            make_maildir(&path)?;
            // Maildir++ marks what is a folder and not a mailbox.
            touch(&path.join("maildirfolder"))?;
        }
        let lock = touch(&mailbox.join("chatkeep.lock"))?;
        Ok(Self {
            folder: path,
            lock,
            domain,
            known: Mutex::default(),
        })
    }

    /// Stores what is not there yet. On return all of it is on disk.
    pub(super) fn append(&self, messages: &[Message]) -> io::Result<Vec<Outcome>> {
        let _held = self.hold()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut known)?;
        let mut outcomes = vec![Outcome::AlreadyThere; messages.len()];
        let mut files = Vec::new();
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            let Some(key) = key_of(&message.id) else {
                *outcome = Outcome::Refused(Refusal::Item);
                continue;
            };
            if known.keys.insert(key.to_owned()) {
                *outcome = Outcome::Stored;
                files.push(Draft::new(&self.folder, key, message));
            }
        }
        let stored = self.put_in_place(&files);
        match stored.and_then(|()| self.changed()) {
            Ok(changed) => known.as_of = Some(changed),
            Err(error) => {
                *known = Known::default();
                return Err(error);
            }
        }
        Ok(outcomes)
    }

    fn put_in_place(&self, files: &[Draft<'_>]) -> io::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        write_durably(files)?;
        for file in files {
            file.put_in_place()?;
        }
        crash_point("linked");
        File::open(self.folder.join("cur"))?.sync_all()
    }

    /// All messages of ours.
    pub(super) fn list(&self) -> io::Result<Vec<Copy>> {
        let mut copies = Vec::new();
        self.each_file(|place, name| {
            if let Some(key) = key_in(name) {
                copies.push(Copy {
                    key: CopyKey::File(format!("{place}/{name}")),
                    id: format!("<{key}@{}>", self.domain),
                    is_whole: true,
                });
            }
        })?;
        copies.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(copies)
    }

    /// Reads a message.
    pub(super) fn read(&self, copy: &Copy) -> io::Result<Stored> {
        let CopyKey::File(name) = &copy.key else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let path = self.folder.join(name);
        let modified = fs::metadata(&path)?.modified()?;
        let flags = name.rsplit_once(":2,").map_or("", |(_, flags)| flags);
        Ok(Stored {
            content: Content::Bytes(fs::read(&path)?.into()),
            date: unix_seconds(modified),
            seen: flags.contains('S'),
        })
    }

    /// Removes messages.
    pub(super) fn remove(&self, copies: &[Copy]) -> io::Result<()> {
        let _held = self.hold()?;
        for copy in copies {
            if let CopyKey::File(name) = &copy.key {
                fs::remove_file(self.folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Takes the mailbox for this process alone. The lock ends with the guard, or with the process.
    fn hold(&self) -> io::Result<Held<'_>> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match self.lock.try_lock() {
                Ok(()) => return Ok(Held(&self.lock)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, HeldElsewhere));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Looks again at what stands in the folder, when somebody has changed it.
    fn refresh(&self, known: &mut Known) -> io::Result<()> {
        let changed = self.changed()?;
        if known.as_of == Some(changed) {
            return Ok(());
        }
        known.keys.clear();
        self.each_file(|_, name| {
            known.keys.extend(key_in(name).map(str::to_owned));
        })?;
        // The lock is held: what lies in tmp under our name was left by a process that is gone.
        for file in fs::read_dir(self.folder.join("tmp"))? {
            let file = file?;
            if file.file_name().to_string_lossy().ends_with(".chatkeep") {
                fs::remove_file(file.path())?;
            }
        }
        known.as_of = Some(changed);
        Ok(())
    }

    fn changed(&self) -> io::Result<[SystemTime; 2]> {
        let changed = |place| fs::metadata(self.folder.join(place))?.modified();
        Ok([changed("cur")?, changed("new")?])
    }

    fn each_file(&self, mut on: impl FnMut(&str, &str)) -> io::Result<()> {
        for place in ["cur", "new"] {
            for file in fs::read_dir(self.folder.join(place))? {
                if let Some(name) = file?.file_name().to_str() {
                    on(place, name);
                }
            }
        }
        Ok(())
    }
}

/// The lock of a mailbox, held.
struct Held<'a>(&'a File);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "mailbox not unlocked");
        }
    }
}

/// A message on its way into the folder.
struct Draft<'a> {
    temporary: PathBuf,
    place: PathBuf,
    message: &'a Message,
}

impl<'a> Draft<'a> {
    fn new(folder: &Path, key: &str, message: &'a Message) -> Self {
        let name = file_name(message.date, key, message.bytes.len());
        Self {
            temporary: folder.join("tmp").join(format!("{key}.chatkeep")),
            place: folder.join("cur").join(name),
            message,
        }
    }

    fn write(&self) -> io::Result<File> {
        let mut file = File::create(&self.temporary)?;
        file.write_all(&self.message.bytes)?;
        file.set_modified(system_time(self.message.date))?;
        // The disk begins now, and the first sync finds most of the batch written. Only a hint: a file
        // system that does not take it writes at the sync.
        if let Err(error) = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed) {
            tracing::trace!(%error, "no early writing");
        }
        Ok(file)
    }

    /// Never replaces a file. Without the kernel's own way (some network file systems), by a link.
    fn put_in_place(&self) -> io::Result<()> {
        let exclusive = RenameFlags::NOREPLACE;
        match renameat_with(CWD, &self.temporary, CWD, &self.place, exclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                match fs::hard_link(&self.temporary, &self.place) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            Err(error) => return Err(error.into()),
        }
        fs::remove_file(&self.temporary)
    }
}

/// Writes all files, then makes all durable. One thread writes, as a directory takes one file at a time;
/// several sync, as the disk joins syncs that come together.
fn write_durably(files: &[Draft<'_>]) -> io::Result<()> {
    let files = files
        .iter()
        .map(Draft::write)
        .collect::<io::Result<Vec<_>>>()?;
    let sync = |files: &[File]| files.iter().try_for_each(File::sync_all);
    let share = files.len().div_ceil(files.len().div_ceil(FILES_PER_THREAD));
    thread::scope(|scope| {
        let mut shares = files.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|some| scope.spawn(move || sync(some))).collect();
        let mut result = sync(own);
        for other in others {
            let synced = other.join().unwrap_or_else(|panic| {
                std::panic::resume_unwind(panic);
            });
            result = result.and(synced);
        }
        result
    })
}

/// Makes `cur`, `new` and `tmp`, durably.
fn make_maildir(path: &Path) -> io::Result<()> {
    if path.join("cur").is_dir() && path.join("new").is_dir() && path.join("tmp").is_dir() {
        return Ok(());
    }
    for place in ["tmp", "new", "cur"] {
        fs::create_dir_all(path.join(place))?;
    }
    File::open(path)?.sync_all()?;
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Opens a file, making it where it is missing.
fn touch(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn system_time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(UNIX_EPOCH)
}

fn unix_seconds(time: SystemTime) -> i64 {
    let seconds = |distance: Duration| i64::try_from(distance.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => -seconds(before.duration()),
    }
}
