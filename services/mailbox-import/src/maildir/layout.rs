//! Names in a Maildir++ tree.

use crate::imap::utf7;

/// The name cannot stand in the tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("folder: a Maildir folder's name cannot contain a full stop")]
    FullStop,
    #[error("folder: the name of a level is empty")]
    Empty,
    #[error("mailbox: the address cannot be the name of a folder")]
    Mailbox,
}

/// Name of the connector's folder within a mailbox: empty for the mailbox itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FolderName(String);

impl FolderName {
    /// `Inbox/A/B` and `A/B` are `.A.B`: Maildir++ has one level, INBOX is the mailbox itself.
    pub(crate) fn of(folder: &str) -> Result<Self, NameError> {
        let mut levels: Vec<_> = folder.split('/').collect();
        if levels[0].eq_ignore_ascii_case("inbox") {
            levels.remove(0);
        }
        let mut name = String::new();
        for level in levels {
            if level.trim().is_empty() {
                return Err(NameError::Empty);
            }
            // The delimiter of Maildir++ levels.
            if level.contains('.') {
                return Err(NameError::FullStop);
            }
            name.push('.');
            name.push_str(&utf7::encode(level));
        }
        Ok(Self(name))
    }

    /// The name, with the full stops that separate levels.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Name of a mailbox's folder: its address in lower case. Refuses what would be another place.
pub(crate) fn mailbox_folder(mailbox: &str) -> Result<String, NameError> {
    let name = mailbox.to_lowercase();
    let is_safe = |c: char| !c.is_control() && c != '/' && c != '\\';
    let holds = !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && name.chars().all(is_safe);
    if holds {
        return Ok(name);
    }
    Err(NameError::Mailbox)
}

/// What identifies a message in file names: the Message-ID's own part, without the domain. Characters
/// that Maildir gives a meaning are not in it.
pub(crate) fn key_of(message_id: &str) -> Option<&str> {
    let (key, _) = message_id.strip_prefix('<')?.split_once('@')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    (!key.is_empty() && key.len() <= 100 && key.chars().all(is_plain)).then_some(key)
}

/// The file name of a read message.
pub(crate) fn file_name(date: i64, key: &str, size: usize) -> String {
    format!("{date}.{key}.chatkeep,S={size}:2,S")
}

/// The key in a file name, whatever its flags are by now; `None` for files that are not ours.
pub(crate) fn key_in(file_name: &str) -> Option<&str> {
    let base = file_name.split(':').next()?;
    let base = base.split(',').next()?;
    let (_, key) = base.strip_suffix(".chatkeep")?.split_once('.')?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_one_level_of_directories() {
        let name = |folder: &str| FolderName::of(folder).map(|name| name.0);

        assert_eq!(
            name("Inbox/Skype for Business").unwrap(),
            ".Skype for Business"
        );
        assert_eq!(name("Archiv/Gespräche").unwrap(), ".Archiv.Gespr&AOQ-che");
        assert_eq!(name("INBOX").unwrap(), "");
        assert_eq!(name("Inbox/v1.0"), Err(NameError::FullStop));
        assert_eq!(name("Inbox//x"), Err(NameError::Empty));
    }

    #[test]
    fn no_address_leads_out_of_the_tree() {
        assert_eq!(
            mailbox_folder("Ann@Contoso.com").unwrap(),
            "ann@contoso.com"
        );
        for address in [
            "",
            ".",
            "..",
            "../x",
            "a/../../x",
            "a\\b",
            "a\0b",
            ".hidden",
        ] {
            mailbox_folder(address).unwrap_err();
        }
    }

    #[test]
    fn a_message_is_found_again_after_its_flags_have_changed() {
        let name = file_name(1_551_693_600, "abc.1", 42);
        assert_eq!(name, "1551693600.abc.1.chatkeep,S=42:2,S");

        assert_eq!(key_in(&name), Some("abc.1"));
        assert_eq!(
            key_in("1551693600.abc.1.chatkeep,S=42:2,FRSa"),
            Some("abc.1")
        );
        assert_eq!(key_in("-5.abc.1.chatkeep,S=42,W=43"), Some("abc.1"));
        assert_eq!(key_in("1551693600.M1P2.host,S=42:2,S"), None);
    }

    #[test]
    fn only_plain_message_ids_become_names() {
        assert_eq!(key_of("<abc.1@contoso.com>"), Some("abc.1"));
        assert_eq!(key_of("<a/b@contoso.com>"), None);
        assert_eq!(key_of("abc"), None);
    }
}
