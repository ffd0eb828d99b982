use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::SPOOL;
use crate::{Page, StoredBlob};

/// A page of the files under `root` whose keys begin with `prefix`, from behind `after` on.
pub(super) fn page(
    root: &Path,
    prefix: &str,
    after: Option<String>,
    size: usize,
) -> io::Result<Page> {
    let mut walk = Walk {
        prefix,
        after: after.unwrap_or_default(),
        size,
        blobs: Vec::new(),
    };
    let is_whole = walk.folder(root, "")?;
    let last = walk.blobs.last().map(|blob| blob.key.clone());
    Ok(Page {
        next: last.filter(|_| !is_whole),
        blobs: walk.blobs,
    })
}

/// Visits files in the order of their keys. Names are made of letters and digits, which all come after
/// the slash: the order of the folders is that of the keys.
struct Walk<'a> {
    prefix: &'a str,
    after: String,
    size: usize,
    blobs: Vec<StoredBlob>,
}

impl Walk<'_> {
    /// `false` when the page was full before the folder ended.
    fn folder(&mut self, path: &Path, key: &str) -> io::Result<bool> {
        for (name, path, is_folder) in entries(path)? {
            if key.is_empty() && name == SPOOL {
                continue;
            }
            let key = match key {
                "" => name,
                _ => format!("{key}/{name}"),
            };
            let goes_on = if is_folder {
                !self.may_hold(&format!("{key}/")) || self.folder(&path, &key)?
            } else {
                self.file(&path, key)?
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn may_hold(&self, folder: &str) -> bool {
        let in_prefix = folder.starts_with(self.prefix) || self.prefix.starts_with(folder);
        in_prefix && (self.after.as_str() < folder || self.after.starts_with(folder))
    }

    fn file(&mut self, path: &Path, key: String) -> io::Result<bool> {
        if !key.starts_with(self.prefix) || key <= self.after {
            return Ok(true);
        }
        if self.blobs.len() == self.size {
            return Ok(false);
        }
        // Deleted since the folder was read: it is not part of the inventory.
        if let Some(metadata) = present(fs::metadata(path))? {
            self.blobs.push(StoredBlob {
                key,
                size: metadata.len(),
                modified: metadata.modified()?,
            });
        }
        Ok(true)
    }
}

fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf, bool)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // What has no key is none of ours.
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path(), entry.file_type()?.is_dir()));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let root = tempfile::tempdir().unwrap();
        let keys = ["items/aa/1", "items/aa/2", "items/ab/1", "kept/items/aa/1"];
        for key in keys.iter().chain(&["spool/x", "index/aa/1"]) {
            let path = root.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let all = |prefix: &str, size| {
            let mut found = Vec::new();
            let mut from = None;
            loop {
                let page = page(root.path(), prefix, from, size).unwrap();
                assert!(page.blobs.len() <= size);
                found.extend(page.blobs.into_iter().map(|blob| blob.key));
                from = page.next;
                if from.is_none() {
                    return found;
                }
            }
        };

        for size in 1..6 {
            assert_eq!(all("items/", size), keys[..3], "pages of {size}");
            assert_eq!(all("items/a", size), keys[..3], "pages of {size}");
            assert_eq!(all("items/ab", size), keys[2..3], "pages of {size}");
            assert_eq!(all("kept/", size), keys[3..], "pages of {size}");
            assert_eq!(all("", size).len(), 5, "pages of {size}");
        }
    }
}
