use std::collections::BTreeMap;

use super::reply::Code;

/// An item as it stands in a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredItem {
    /// Its id.
    pub id: String,
    /// The path of its folder, e.g. `Inbox/Skype for Business`.
    pub folder: String,
    /// Whether it is a draft.
    pub is_draft: bool,
    /// Whether it is marked as read.
    pub is_read: bool,
    /// When it was received, Unix seconds.
    pub received: i64,
    /// When it was sent, Unix seconds.
    pub sent: i64,
    /// When it was stored, Unix milliseconds.
    pub created: i64,
    /// The item class.
    pub class: String,
    /// Extended properties by name, or tag in lower case (`0x0e07`).
    pub properties: BTreeMap<String, String>,
    /// What it was created from.
    pub mime: Vec<u8>,
    pub(super) parent: String,
}

#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) id: String,
    pub(super) name: String,
    /// Empty for one at the top.
    pub(super) parent: String,
}

/// The mailbox of one user.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) folders: Vec<Folder>,
    /// In the order they were stored.
    pub(super) items: Vec<StoredItem>,
    /// Bytes it takes yet; `None` without an end.
    pub(super) room: Option<usize>,
    pub(super) is_denied: bool,
}

impl Mailbox {
    pub(super) fn new(address: &str) -> Self {
        let folder = |(id, name): (&str, &str)| Folder {
            id: format!("{address}/{id}"),
            name: name.to_owned(),
            parent: String::new(),
        };
        Self {
            folders: [("inbox", "Inbox"), ("msgfolderroot", "")]
                .map(folder)
                .to_vec(),
            items: Vec::new(),
            room: None,
            is_denied: false,
        }
    }

    /// A folder by its id.
    pub(super) fn folder(&self, id: &str) -> Result<&Folder, Code> {
        let mut folders = self.folders.iter();
        let found = folders.find(|folder| folder.id == id);
        found.ok_or("ErrorFolderNotFound")
    }

    pub(super) fn path(&self, id: &str) -> String {
        match self.folder(id) {
            Ok(folder) if folder.parent.is_empty() => folder.name.clone(),
            Ok(folder) => format!("{}/{}", self.path(&folder.parent), folder.name),
            Err(_) => String::new(),
        }
    }
}
