//! The folder of a mailbox: where it is, and since when.

use sha2::{Digest as _, Sha256};

use crate::target::Position;

/// How far back a position lies behind the server's clock: what is created now is found from there.
const SKEW: i64 = 600;

/// From when on to list an open folder, Unix seconds: everything where the position is of another one.
pub(crate) fn since(position: Position, open: Position) -> u32 {
    if position.uid_validity == open.uid_validity {
        position.uid_next
    } else {
        0
    }
}

/// The names of a path below the mailbox's root, and where it begins.
pub(crate) fn levels(path: &str) -> (&'static str, Vec<&str>) {
    let mut levels: Vec<_> = path.split('/').filter(|level| !level.is_empty()).collect();
    let is_inbox = levels
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case("inbox"));
    if is_inbox {
        levels.remove(0);
    }
    // Well-known names: the inbox is called something else in most languages.
    (if is_inbox { "inbox" } else { "msgfolderroot" }, levels)
}

/// Where the next message will stand. A folder of Exchange has no numbers: the server's clock takes
/// their place.
pub(crate) fn position(folder: &str, time: i64) -> Position {
    let digest = Sha256::digest(folder);
    let first = [digest[0], digest[1], digest[2], digest[3]];
    Position {
        // Zero stands for a position that is not known.
        uid_validity: u32::from_be_bytes(first).max(1),
        uid_next: u32::try_from(time - SKEW).unwrap_or(1).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_is_found_whatever_its_language() {
        assert_eq!(
            levels("Inbox/Skype for Business"),
            ("inbox", vec!["Skype for Business"])
        );
        assert_eq!(levels("/INBOX/A/B/"), ("inbox", vec!["A", "B"]));
        assert_eq!(levels("Archive"), ("msgfolderroot", vec!["Archive"]));
    }

    #[test]
    fn another_folder_of_the_same_name_has_another_position() {
        let one = position("AAMk1", 1_551_693_600);

        assert_ne!(
            one.uid_validity,
            position("AAMk2", 1_551_693_600).uid_validity
        );
        assert_eq!(one.uid_next, 1_551_693_000);
    }
}
