use std::collections::BTreeMap;

use bytes::Bytes;

use super::call::Reply;

/// A message as it stands in a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredMessage {
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
    /// The message class.
    pub class: String,
    /// MAPI properties by [`property_id`](super::property_id), those that were set at creation.
    pub properties: BTreeMap<String, String>,
    /// The subject.
    pub subject: String,
    /// Who it is from.
    pub from: Option<Contact>,
    /// Who sent it.
    pub sender: Option<Contact>,
    /// Who it is to.
    pub to: Vec<Contact>,
    /// Who got a copy.
    pub cc: Vec<Contact>,
    /// `html` or `text`.
    pub body_type: String,
    /// The body.
    pub body: String,
    /// The Message-ID, with angle brackets.
    pub message_id: String,
    /// `internetMessageHeaders` that were set at creation.
    pub headers: Vec<(String, String)>,
    /// Files.
    pub attachments: Vec<StoredAttachment>,
    /// The id of the folder.
    pub(super) parent: String,
}

/// Somebody in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The name, empty where there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

/// A file of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredAttachment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// All of it.
    pub bytes: Bytes,
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
    /// By id; ids grow.
    pub(super) messages: BTreeMap<String, StoredMessage>,
    /// Bytes it takes yet; `None` without an end.
    pub(super) room: Option<usize>,
    next_folder: u32,
}

/// Folders that have a name in the API of their own.
const WELL_KNOWN: [(&str, &str); 4] = [
    ("inbox", "Inbox"),
    ("drafts", "Drafts"),
    ("sentitems", "Sent Items"),
    ("deleteditems", "Deleted Items"),
];

impl Mailbox {
    pub(super) fn new(owner: &str) -> Self {
        let folder = |(name, display): (&str, &str)| Folder {
            id: format!("AQMkA-{owner}-{name}"),
            name: display.to_owned(),
            parent: String::new(),
        };
        Self {
            folders: WELL_KNOWN.into_iter().map(folder).collect(),
            messages: BTreeMap::new(),
            room: None,
            next_folder: 0,
        }
    }

    /// A folder by id or well-known name.
    pub(super) fn folder(&self, name: &str) -> Result<&Folder, Reply> {
        let lower = name.to_ascii_lowercase();
        let known = WELL_KNOWN.iter().find(|(known, _)| *known == lower);
        let is_it = |folder: &&Folder| match known {
            Some((_, display)) => folder.parent.is_empty() && folder.name == *display,
            None => folder.id == name,
        };
        self.folders.iter().find(is_it).ok_or_else(not_found)
    }

    pub(super) fn add_folder(&mut self, owner: &str, parent: &str, name: &str) -> Folder {
        self.next_folder += 1;
        let folder = Folder {
            id: format!("AQMkA-{owner}-{}", self.next_folder),
            name: name.to_owned(),
            parent: parent.to_owned(),
        };
        self.folders.push(folder.clone());
        folder
    }

    /// Removes a folder with everything in it.
    pub(super) fn remove_folder(&mut self, id: &str) {
        let children = self.folders.iter().filter(|folder| folder.parent == id);
        let children: Vec<_> = children.map(|folder| folder.id.clone()).collect();
        for child in children {
            self.remove_folder(&child);
        }
        self.folders.retain(|folder| folder.id != id);
        self.messages.retain(|_, message| message.parent != id);
    }

    pub(super) fn path(&self, id: &str) -> String {
        let Some(folder) = self.folders.iter().find(|folder| folder.id == id) else {
            return String::new();
        };
        if folder.parent.is_empty() {
            return folder.name.clone();
        }
        format!("{}/{}", self.path(&folder.parent), folder.name)
    }

    pub(super) fn message(&mut self, id: &str) -> Result<&mut StoredMessage, Reply> {
        self.messages.get_mut(id).ok_or_else(not_found)
    }

    /// Takes bytes from what the mailbox has room for.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Reply> {
        let Some(room) = &mut self.room else {
            return Ok(());
        };
        let left = room.checked_sub(bytes);
        *room = left.ok_or_else(|| {
            let message = "The mailbox quota has been exceeded.";
            Reply::error(507, "ErrorQuotaExceeded", message)
        })?;
        Ok(())
    }
}

pub(super) fn not_found() -> Reply {
    let message = "The specified object was not found in the store.";
    Reply::error(404, "ErrorItemNotFound", message)
}
