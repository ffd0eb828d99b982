use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use super::{FolderError, Role, Stamp, check_root};

/// A file that holds records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Relative to the source's folder, parts joined by `/`.
    pub(crate) path: String,
    pub(crate) stamp: Stamp,
}

/// Walks a tree in the order of names, folder by folder. Holds the names of the folders on its way,
/// nothing of what lies behind it.
pub(crate) struct Walk {
    root: PathBuf,
    role: fn(&str) -> Role,
    levels: Vec<Level>,
    foreign: u64,
}

struct Level {
    /// Relative path with `/` at its end; empty for the root.
    prefix: String,
    /// Where the folder really lies: a link must not lead back into it.
    canonical: PathBuf,
    names: Names,
}

/// The names in a folder, which may be a million: one behind the other, each with a NUL behind it.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    /// Where names begin, the next one last.
    starts: Vec<usize>,
}

impl Names {
    fn add(&mut self, name: &OsStr) {
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
    }

    /// Puts the names in order. The NUL sorts a name before those that begin with it.
    fn sort(&mut self) {
        let Self { bytes, starts } = self;
        starts.sort_unstable_by(|one, other| bytes[*other..].cmp(&bytes[*one..]));
    }

    fn pop(&mut self) -> Option<OsString> {
        let start = self.starts.pop()?;
        let rest = &self.bytes[start..];
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(OsString::from_vec(rest[..end].to_vec()))
    }
}

impl Walk {
    /// Begins at the source's folder; `role` judges file names.
    pub(crate) fn open(root: &Path, role: fn(&str) -> Role) -> Result<Self, FolderError> {
        check_root(root)?;
        let mut walk = Self {
            root: root.to_owned(),
            role,
            levels: Vec::new(),
            foreign: 0,
        };
        walk.enter(String::new(), root)?;
        Ok(walk)
    }

    /// Files so far that are none of the source's.
    pub(crate) fn foreign(&self) -> u64 {
        self.foreign
    }

    /// The next `limit` files that hold records; fewer at the end.
    pub(crate) fn page(&mut self, limit: usize) -> Result<Vec<Found>, FolderError> {
        let mut page = Vec::new();
        while page.len() < limit {
            let Some(level) = self.levels.last_mut() else {
                break;
            };
            let Some(name) = level.names.pop() else {
                self.levels.pop();
                continue;
            };
            let prefix = level.prefix.clone();
            page.extend(self.visit(&prefix, &name)?);
        }
        Ok(page)
    }

    fn visit(&mut self, prefix: &str, name: &OsString) -> Result<Option<Found>, FolderError> {
        let path = self.root.join(prefix).join(name);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            // Gone since the folder was read, or a link to nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.read_error(source)),
        };
        let lossy = name.to_string_lossy();
        if metadata.is_dir() {
            let Some(name) = name.to_str() else {
                return Err(self.name_error());
            };
            self.enter(format!("{prefix}{name}/"), &path)?;
            return Ok(None);
        }
        match (self.role)(&lossy) {
            Role::Companion => Ok(None),
            Role::Foreign => {
                self.foreign += 1;
                Ok(None)
            }
            Role::Records => {
                let name = name.to_str().ok_or_else(|| self.name_error())?;
                let stamp = Stamp::of(&metadata).map_err(|source| self.read_error(source))?;
                let path = format!("{prefix}{name}");
                Ok(Some(Found { path, stamp }))
            }
        }
    }

    fn enter(&mut self, prefix: String, path: &Path) -> Result<(), FolderError> {
        let read = |source| FolderError::Read {
            path: self.root.clone(),
            source,
        };
        let canonical = path.canonicalize().map_err(read)?;
        if self.levels.iter().any(|level| level.canonical == canonical) {
            return Ok(());
        }
        let mut names = Names::default();
        for entry in fs::read_dir(path).map_err(read)? {
            names.add(&entry.map_err(read)?.file_name());
        }
        names.sort();
        self.levels.push(Level {
            prefix,
            canonical,
            names,
        });
        Ok(())
    }

    fn read_error(&self, source: io::Error) -> FolderError {
        FolderError::Read {
            path: self.root.clone(),
            source,
        }
    }

    fn name_error(&self) -> FolderError {
        FolderError::Name {
            path: self.root.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::extension;

    fn role(name: &str) -> Role {
        match extension(name).as_deref() {
            Some("eml") => Role::Records,
            _ => Role::Foreign,
        }
    }

    fn paths(walk: &mut Walk, limit: usize) -> Vec<String> {
        let page = walk.page(limit).unwrap().into_iter();
        page.map(|found| found.path).collect()
    }

    #[test]
    fn files_come_in_the_order_of_names_page_by_page() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["pool2/b.EML", "pool1/day/c.eml", "pool1/a.eml", "notes.txt"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }

        let mut walk = Walk::open(folder.path(), role).unwrap();

        assert_eq!(paths(&mut walk, 2), ["pool1/a.eml", "pool1/day/c.eml"]);
        assert_eq!(paths(&mut walk, 2), ["pool2/b.EML"]);
        assert_eq!(paths(&mut walk, 2), [""; 0]);
        assert_eq!(walk.foreign(), 1);
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let folder = tempfile::tempdir().unwrap();
        let pool = folder.path().join("pool");
        fs::create_dir(&pool).unwrap();
        fs::write(pool.join("a.eml"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path(), pool.join("circle")).unwrap();
        std::os::unix::fs::symlink("gone", pool.join("gone.eml")).unwrap();

        let mut walk = Walk::open(folder.path(), role).unwrap();

        assert_eq!(paths(&mut walk, 9), ["pool/a.eml"]);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_says_what_to_do() {
        let error = Walk::open(Path::new("/nowhere/exports"), role)
            .err()
            .unwrap();

        assert!(error.is_permanent());
        assert!(error.to_string().contains("/nowhere/exports"));
    }
}
