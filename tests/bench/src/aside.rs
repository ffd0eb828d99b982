//! What samples leave behind.
//!
//! For a minute and more, ext4 gives nobody the inode of a deleted file: whoever makes a file near it
//! steps over it. Thousands of files deleted behind one sample would be charged to the next, several
//! times what its own files cost.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use chatkeep_testkit::Dovecot;

/// How long ext4 steps over what was deleted, and a second more.
const REST: Duration = Duration::from_secs(61);

/// Puts a folder of a section aside.
pub(crate) fn put(folder: &Path, section: &Path) -> io::Result<()> {
    let aside = all(section);
    fs::create_dir_all(&aside)?;
    let number = fs::read_dir(&aside)?.count();
    fs::rename(folder, aside.join(number.to_string()))
}

/// Ends a server and puts its mail aside.
pub(crate) fn put_mail(mut dovecot: Dovecot, section: &Path) -> io::Result<()> {
    dovecot.stop();
    put(&dovecot.mail(""), section)
}

/// Where a section's samples stand aside.
pub(crate) fn all(section: &Path) -> PathBuf {
    section.join("aside")
}

/// Deletes a folder, and waits until nobody pays for it any more.
pub(crate) fn delete(folder: &Path) -> io::Result<()> {
    fs::remove_dir_all(folder)?;
    // What is deleted and not even written is stepped over for five minutes longer.
    rustix::fs::sync();
    thread::sleep(REST);
    Ok(())
}
