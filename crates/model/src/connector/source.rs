use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::DatabaseSource;
use crate::UtcTime;

/// Where conversations come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A tree of Export-CsArchivingData `.eml` files.
    ArchivingExport(FileSource),
    /// The database of the Archiving Server, `LcsLog`.
    ArchivingDatabase(Box<DatabaseSource>),
    /// The output folder of Persistent Chat's compliance `XmlAdapter`.
    PersistentChatXml(FileSource),
    /// The database of the Persistent Chat Server, `mgc`.
    PersistentChatDatabase(Box<DatabaseSource>),
}

/// What a source has: the same conversation is in sources of one kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Peer-to-peer sessions and conferences.
    Archive,
    /// Persistent chat rooms.
    Rooms,
}

/// A folder of files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// The folder.
    pub path: PathBuf,
    /// Conversations from this UTC day on; RFC 3339 date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<jiff::civil::Date>,
    /// Conversations before this UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<jiff::civil::Date>,
    /// Scheduled runs leave files alone that were modified within this time.
    #[serde(with = "humantime_serde", default = "default_quiet")]
    pub quiet: Duration,
}

fn default_quiet() -> Duration {
    Duration::from_mins(1)
}

impl Source {
    /// The source's `type` in the connector file.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::ArchivingExport(_) => "archiving-export",
            Self::ArchivingDatabase(_) => "archiving-database",
            Self::PersistentChatXml(_) => "persistent-chat-xml",
            Self::PersistentChatDatabase(_) => "persistent-chat-database",
        }
    }

    /// What the source has.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::ArchivingExport(_) | Self::ArchivingDatabase(_) => SourceKind::Archive,
            Self::PersistentChatXml(_) | Self::PersistentChatDatabase(_) => SourceKind::Rooms,
        }
    }

    /// What a source of this type never contains, whatever is archived where it comes from.
    pub fn never(&self) -> &'static [&'static str] {
        const SESSIONS: [&str; 4] = [
            "files sent from user to user",
            "audio, video, shared desktops and programs",
            "persistent chat rooms",
            "conversations of users whom no archiving policy covers, or whom Exchange archives",
        ];
        match self {
            Self::ArchivingExport(_) => &SESSIONS,
            Self::ArchivingDatabase(_) => &[
                SESSIONS[0],
                SESSIONS[1],
                "slides, whiteboards, polls and files shown in meetings",
                SESSIONS[2],
                SESSIONS[3],
            ],
            Self::PersistentChatXml(_) => &[
                "conversations outside of persistent chat rooms",
                "rooms for which compliance is switched off",
            ],
            Self::PersistentChatDatabase(_) => &[
                "conversations outside of persistent chat rooms",
                "who came and went, who fetched a file",
                "what was removed before it was read",
                "the content of posted files",
            ],
        }
    }

    /// The folder of files behind it; `None` for a database.
    pub fn files(&self) -> Option<&FileSource> {
        match self {
            Self::ArchivingExport(files) | Self::PersistentChatXml(files) => Some(files),
            Self::ArchivingDatabase(_) | Self::PersistentChatDatabase(_) => None,
        }
    }

    /// The database behind it; `None` for files.
    pub fn database(&self) -> Option<&DatabaseSource> {
        match self {
            Self::ArchivingDatabase(database) | Self::PersistentChatDatabase(database) => {
                Some(database)
            }
            Self::ArchivingExport(_) | Self::PersistentChatXml(_) => None,
        }
    }

    /// The UTC days it is read for: from inclusive, to exclusive.
    pub fn days(&self) -> (Option<jiff::civil::Date>, Option<jiff::civil::Date>) {
        match self {
            Self::ArchivingExport(files) | Self::PersistentChatXml(files) => (files.from, files.to),
            Self::ArchivingDatabase(database) | Self::PersistentChatDatabase(database) => {
                (database.from, database.to)
            }
        }
    }

    /// The same in Unix seconds.
    pub fn seconds(&self) -> (Option<i64>, Option<i64>) {
        let start = |date: jiff::civil::Date| {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC);
            midnight.map_or(0, |midnight| midnight.timestamp().as_second())
        };
        let (from, to) = self.days();
        (from.map(start), to.map(start))
    }

    /// Whether a conversation of this time is inside `from` (inclusive) and `to` (exclusive).
    pub fn contains(&self, time: UtcTime) -> bool {
        let (from, to) = self.seconds();
        from.is_none_or(|from| time.seconds() >= from) && to.is_none_or(|to| time.seconds() < to)
    }

    /// Fills in what depends on the type and on the connector's domain, and makes paths those below
    /// `folder`.
    pub(super) fn resolve(&mut self, domain: &str, folder: &Path) {
        match self {
            Self::ArchivingExport(files) | Self::PersistentChatXml(files) => {
                files.path = folder.join(&files.path);
            }
            Self::ArchivingDatabase(database) => database.resolve("LcsLog", folder),
            Self::PersistentChatDatabase(database) => {
                database.resolve("mgc", folder);
                database.resolve_rooms(domain);
            }
        }
    }
}
