use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{FolderError, Found, Role, Walk};

/// Files between two looks at the clock, and those that are handed over.
const PAGE: usize = 100;

/// Files of a folder, counted by their names and sizes: none of them is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Files that hold records.
    pub(crate) files: u64,
    /// Bytes of these.
    pub(crate) bytes: u64,
    /// Files that are none of the source's.
    pub(crate) foreign: u64,
    /// False: the time was over, there are more.
    pub(crate) is_complete: bool,
}

/// Counts until so much time has passed, the first hundred files whatever it takes; hands these over. The names
/// in one folder are read at once, so a folder of very many may take longer.
pub(crate) fn count(
    root: &Path,
    role: fn(&str) -> Role,
    time: Duration,
) -> Result<(Vec<Found>, Count), FolderError> {
    let began = Instant::now();
    let mut walk = Walk::open(root, role)?;
    let first = walk.page(PAGE)?;
    let mut count = Count::default();
    count.add(&first);
    while began.elapsed() < time {
        let page = walk.page(PAGE)?;
        count.is_complete = page.is_empty();
        if count.is_complete {
            break;
        }
        count.add(&page);
    }
    if !count.is_complete {
        // Where the time was over with the last file, nothing is left out.
        let next = walk.page(1)?;
        count.add(&next);
        count.is_complete = next.is_empty();
    }
    count.foreign = walk.foreign();
    Ok((first, count))
}

impl Count {
    fn add(&mut self, found: &[Found]) {
        self.files += found.len() as u64;
        self.bytes += found.iter().map(|file| file.stamp.size).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcripts::role;

    fn folder(files: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..files {
            std::fs::write(folder.path().join(format!("{number:03}.eml")), "four").unwrap();
        }
        std::fs::write(folder.path().join("zzz.txt"), "foreign").unwrap();
        folder
    }

    #[test]
    fn every_file_is_counted_with_its_bytes_and_the_first_hundred_are_handed_over() {
        let folder = folder(250);

        let (first, count) = count(folder.path(), role, Duration::MAX).unwrap();

        assert_eq!(first.len(), 100);
        assert_eq!(first[0].path, "000.eml");
        let all = Count {
            files: 250,
            bytes: 1_000,
            foreign: 1,
            is_complete: true,
        };
        assert_eq!(count, all);
    }

    #[test]
    fn a_folder_that_takes_longer_says_that_there_are_more() {
        let (larger, exact) = (folder(150), folder(100));

        let (_, some) = count(larger.path(), role, Duration::ZERO).unwrap();
        let (_, all) = count(exact.path(), role, Duration::ZERO).unwrap();

        assert_eq!((some.files, some.is_complete), (101, false));
        assert_eq!((all.files, all.is_complete), (100, true));
    }
}
