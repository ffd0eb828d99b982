//! What stands in mailboxes: read from disk, without asking the program that put it there.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::corpus::{
    Corpus, marker,
    rendered::{Message, with_line_feeds},
};

type Hash = [u8; 32];

/// Expected messages: hashes per mailbox, sorted.
#[derive(Debug)]
pub(crate) struct Expected(BTreeMap<String, Vec<Hash>>);

impl Expected {
    pub(crate) fn of(messages: &[Message]) -> Self {
        let mut mailboxes = BTreeMap::<_, Vec<Hash>>::new();
        for message in messages {
            let hashes = mailboxes.entry(message.mailbox.clone()).or_default();
            hashes.push(hash(&message.bytes));
        }
        for hashes in mailboxes.values_mut() {
            hashes.sort_unstable();
        }
        Self(mailboxes)
    }

    /// Compares with the Maildirs of a store: every message once, every byte the same.
    pub(crate) fn check(&self, mail: impl Fn(&str) -> PathBuf) -> anyhow::Result<()> {
        for (mailbox, expected) in &self.0 {
            let mut found = Vec::with_capacity(expected.len());
            each_message(&mail(mailbox), &mut |bytes| found.push(hash(&bytes)))?;
            found.sort_unstable();
            anyhow::ensure!(
                found == *expected,
                "{mailbox} holds {} messages, {} of {} expected ones are among them",
                found.len(),
                expected
                    .iter()
                    .filter(|hash| found.binary_search(hash).is_ok())
                    .count(),
                expected.len()
            );
        }
        Ok(())
    }
}

/// Checks that every mailbox holds every conversation of its owner once, and returns a digest over all
/// messages: equal stores have equal digests.
pub(crate) fn check_conversations(
    corpus: &Corpus,
    mail: impl Fn(&str) -> PathBuf,
) -> anyhow::Result<String> {
    let mut expected = BTreeMap::<String, Vec<String>>::new();
    for index in 0..corpus.conversations {
        for owner in corpus.owners(index) {
            expected.entry(owner).or_default().push(marker(index));
        }
    }
    let mut digest = Sha256::new();
    for (mailbox, mut wanted) in expected {
        let (mut found, mut hashes) = (Vec::new(), Vec::new());
        each_message(&mail(&mailbox), &mut |bytes| {
            found.push(find_marker(&bytes).unwrap_or_default());
            hashes.push(hash(&bytes));
        })?;
        found.sort_unstable();
        wanted.sort_unstable();
        anyhow::ensure!(
            found == wanted,
            "{mailbox} holds {} messages instead of {}, or other ones",
            found.len(),
            wanted.len()
        );
        hashes.sort_unstable();
        digest.update(mailbox.as_bytes());
        digest.update(hashes.concat());
    }
    let digest: [u8; 32] = digest.finalize().into();
    Ok(HEXLOWER.encode(&digest[..8]))
}

/// Every message below a Maildir, also of its folders.
fn each_message(folder: &Path, on: &mut impl FnMut(Vec<u8>)) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let is_messages = folder.ends_with("cur") || folder.ends_with("new");
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            each_message(&entry.path(), on)?;
        } else if is_messages {
            on(fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Hash of a message, whatever its line ends; without the header mbsync adds.
fn hash(message: &[u8]) -> Hash {
    let message = with_line_feeds(message);
    let mut sha256 = Sha256::new();
    match position(&message, b"\nX-TUID: ") {
        Some(start) => {
            let end = position(&message[start + 1..], b"\n").map_or(0, |end| start + 1 + end);
            sha256.update(&message[..start]);
            sha256.update(&message[end..]);
        }
        None => sha256.update(&message),
    }
    sha256.finalize().into()
}

/// `case` and eight digits, as [`marker`] makes it.
fn find_marker(message: &[u8]) -> Option<String> {
    let mut windows = message.windows(marker(0).len());
    let found = windows
        .find(|window| window.starts_with(b"case") && window[4..].iter().all(u8::is_ascii_digit));
    found.map(|found| String::from_utf8_lossy(found).into_owned())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_the_header_of_mbsync_do_not_matter() {
        let plain = hash(b"A: b\r\nC: d\r\n\r\nx\r\n");

        assert_eq!(hash(b"A: b\nX-TUID: abc\nC: d\n\nx\n"), plain);
        assert_ne!(hash(b"A: b\nC: d\n\ny\n"), plain);
    }
}
