use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Where a secret is found: `env:NAME`, `file:path`, or `secret:NAME` in control's keeping. Never the secret
/// itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a line break at its end is not part of the secret.
    File(PathBuf),
    /// One that control keeps, encrypted, for connectors.
    Stored(StoredSecret),
}

/// A secret that control keeps. Only a stage has its value, and writes it nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSecret {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

impl StoredSecret {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret itself; `None` until somebody has asked control for it.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredSecret").field(&self.name).finish()
    }
}

/// The text is no reference.
#[derive(Debug, thiserror::Error)]
#[error(
    "secrets are given by reference: env:NAME, file:path, or secret:NAME of one that control keeps"
)]
pub struct NotAReference;

impl SecretRef {
    /// Makes a relative path one below `folder`.
    pub(super) fn resolve(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&*path);
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("secret", name)) if !name.is_empty() => Ok(Self::Stored(StoredSecret {
                name: name.to_owned(),
                value: None,
            })),
            _ => Err(NotAReference),
        }
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Stored(stored) => write!(f, "secret:{}", stored.name),
        }
    }
}
