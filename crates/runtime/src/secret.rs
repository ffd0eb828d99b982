//! Secrets, found by reference and never printed.

use std::{fmt, fs, io, path::PathBuf};

use chatkeep_model::connector::SecretRef;

/// A secret. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No such variable.
    #[error("read secret: the environment variable {0} is not set")]
    Env(String),
    /// No such file, or not ours to read.
    #[error("read secret file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Control keeps it, and gives it to stages that work on a run.
    #[error("read secret:{0}: control gives it to the services that work on a run, nowhere else")]
    Stored(String),
}

/// Reads a secret from where the reference points.
pub fn read(reference: &SecretRef) -> Result<Secret, SecretError> {
    match reference {
        SecretRef::Env(name) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the connector file names the variable"
            )]
            let value = std::env::var(name);
            value
                .map(Secret)
                .map_err(|_| SecretError::Env(name.clone()))
        }
        SecretRef::File(path) => {
            let text = fs::read_to_string(path).map_err(|source| SecretError::File {
                path: path.clone(),
                source,
            })?;
            Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        SecretRef::Stored(stored) => {
            let value = stored.value().map(Secret::new);
            value.ok_or_else(|| SecretError::Stored(stored.name().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_at_the_end_of_a_file_is_not_part_of_the_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "s3cret\r\n").unwrap();

        let secret = read(&SecretRef::File(file.path().into())).unwrap();

        assert_eq!(secret.expose(), "s3cret");
        assert_eq!(format!("{secret:?}"), "***");
    }
}
