//! Keys that secrets are encrypted with.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use chatkeep_model::{connector::SecretRef, identity::Fields};
use chatkeep_runtime::secret::{self, SecretError};
use data_encoding::{BASE64, HEXLOWER};

/// Length of a key in bytes: AES-256.
const KEY: usize = 32;

/// Why a key for secrets cannot be used. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is none where the setting says.
    #[error("read {setting}")]
    Read {
        /// The setting.
        setting: &'static str,
        /// The reason.
        source: SecretError,
    },
    /// It is no key.
    #[error("read {setting}: not 32 bytes in base64; `openssl rand -base64 32` makes one")]
    NotAKey {
        /// The setting.
        setting: &'static str,
    },
}

/// An encrypted secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Which key it was made with.
    pub(super) key: String,
    pub(super) nonce: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

/// The key that secrets are encrypted with, and those they were encrypted with before.
#[derive(Default)]
pub(crate) struct Keyring {
    current: Option<Key>,
    old: Vec<Key>,
}

struct Key {
    id: String,
    key: RandomizedNonceKey,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys().map(|key| &key.id);
        f.debug_list().entries(ids).finish()
    }
}

impl Keyring {
    /// Reads keys from where the settings say.
    pub(crate) fn read(
        current: Option<&SecretRef>,
        old: &[SecretRef],
    ) -> Result<Self, KeyringError> {
        let current = current.map(|key| Key::read("control.secrets_key", key));
        let old = old.iter();
        let old = old.map(|key| Key::read("control.secrets_keys_old", key));
        Ok(Self {
            current: current.transpose()?,
            old: old.collect::<Result<_, _>>()?,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.current.iter().chain(&self.old)
    }

    /// Id of the key that secrets are encrypted with now.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_ref().map(|key| &*key.id)
    }

    /// Encrypts a secret for one name: it cannot be passed off as another one's. `None` without a key.
    pub(super) fn seal(&self, name: &str, secret: &str) -> Option<Sealed> {
        let key = self.current.as_ref()?;
        let mut text = secret.as_bytes().to_vec();
        let aad = Aad::from(name.as_bytes());
        let nonce = key.key.seal_in_place_append_tag(aad, &mut text).ok()?;
        Some(Sealed {
            key: key.id.clone(),
            nonce: nonce.as_ref().to_vec(),
            ciphertext: text,
        })
    }

    /// Decrypts the secret of a name. `None` when its key is not known, or it was altered.
    pub(super) fn open(&self, name: &str, sealed: &Sealed) -> Option<String> {
        let key = self.keys().find(|key| key.id == sealed.key)?;
        let nonce: [u8; NONCE_LEN] = sealed.nonce.as_slice().try_into().ok()?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut text = sealed.ciphertext.clone();
        let aad = Aad::from(name.as_bytes());
        let text = key.key.open_in_place(nonce, aad, &mut text).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl Key {
    fn read(setting: &'static str, reference: &SecretRef) -> Result<Self, KeyringError> {
        let text = secret::read(reference);
        let text = text.map_err(|source| KeyringError::Read { setting, source })?;
        let bytes = BASE64.decode(text.expose().trim().as_bytes());
        let bytes = bytes.ok().filter(|bytes| bytes.len() == KEY);
        let key = bytes.and_then(|bytes| Self::new(&bytes));
        key.ok_or(KeyringError::NotAKey { setting })
    }

    fn new(bytes: &[u8]) -> Option<Self> {
        let id = Fields::of("secrets key").bytes(bytes).digest();
        Some(Self {
            id: HEXLOWER.encode(&id[..8]),
            key: RandomizedNonceKey::new(&AES_256_GCM, bytes).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::NamedTempFile;

    use super::*;

    fn file(content: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    fn keyring(current: u8, old: &[u8]) -> Keyring {
        let key = |byte: &u8| Key::new(&[*byte; KEY]).unwrap();
        Keyring {
            current: Some(key(&current)),
            old: old.iter().map(key).collect(),
        }
    }

    #[test]
    fn a_secret_is_read_again_under_its_name_only() {
        let keyring = keyring(1, &[]);

        let sealed = keyring.seal("imap", "s3cret").unwrap();

        assert_eq!(keyring.open("imap", &sealed).unwrap(), "s3cret");
        assert_eq!(keyring.open("graph", &sealed), None);
        assert!(!sealed.ciphertext.windows(6).any(|it| it == b"s3cret"));
    }

    #[test]
    fn the_same_secret_is_never_encrypted_alike() {
        let keyring = keyring(1, &[]);

        let [one, other] = [0; 2].map(|_| keyring.seal("imap", "s3cret").unwrap());

        assert_ne!(one.nonce, other.nonce);
        assert_ne!(one.ciphertext, other.ciphertext);
    }

    #[test]
    fn what_was_altered_is_not_read() {
        let keyring = keyring(1, &[]);
        let mut sealed = keyring.seal("imap", "s3cret").unwrap();

        sealed.ciphertext[0] ^= 1;

        assert_eq!(keyring.open("imap", &sealed), None);
    }

    #[test]
    fn an_old_key_reads_and_does_not_write() {
        let sealed = keyring(1, &[]).seal("imap", "s3cret").unwrap();
        let rotated = keyring(2, &[1]);

        assert_eq!(rotated.open("imap", &sealed).unwrap(), "s3cret");
        let again = rotated.seal("imap", "s3cret").unwrap();
        assert_eq!(keyring(2, &[]).open("imap", &again).unwrap(), "s3cret");
        assert_eq!(keyring(2, &[]).open("imap", &sealed), None);
    }

    #[test]
    fn a_key_is_32_bytes_in_base64_in_a_file() {
        let good = file("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        let short = file("AAAA");
        let read = |file: &NamedTempFile| {
            let reference = SecretRef::File(file.path().to_owned());
            Keyring::read(Some(&reference), &[])
        };

        assert!(read(&good).unwrap().current().is_some());
        let refused = read(&short).unwrap_err().to_string();
        assert!(refused.contains("control.secrets_key"), "{refused}");
        assert!(!refused.contains("AAAA"), "{refused}");
    }
}
