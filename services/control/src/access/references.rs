//! What connector files may have the services read themselves, `env:NAME` and `file:path`: a look, or a run, sends it
//! to the server that the file names, and whoever administers connectors may write any server into one.

use chatkeep_model::connector::WORKLOAD_IDENTITY;
use serde::Deserialize;

/// A variable or a file that connector files may name as a secret: `env:NAME` or `file:/path`; with `*` at the
/// end each whose reference begins so. [`WORKLOAD_IDENTITY`] is what the service itself is, for servers that are
/// not Microsoft's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Reference {
    text: String,
    is_beginning: bool,
}

/// The text says neither a variable nor a file.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} names nothing; write env:NAME or file:/path, with * at the end for each that begins so"
)]
pub struct NotAReference(String);

impl TryFrom<String> for Reference {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        let (text, is_beginning) = match text.strip_suffix('*') {
            Some(beginning) => (beginning.to_owned(), true),
            None => (text, false),
        };
        let of_file = text.strip_prefix("file:");
        let is_one = match text.strip_prefix("env:") {
            Some(name) => is_beginning || !name.is_empty(),
            None => of_file.is_some_and(|path| path.starts_with('/')),
        };
        let is_identity = text == WORKLOAD_IDENTITY && !is_beginning;
        if !(is_one || is_identity) || text.contains('*') {
            return Err(NotAReference(text));
        }
        Ok(Self { text, is_beginning })
    }
}

impl Reference {
    /// Whether a connector file's reference is one of these.
    pub(crate) fn covers(&self, reference: &str) -> bool {
        if !self.is_beginning {
            return reference == self.text;
        }
        // Else a path could climb out of the folder that is meant.
        let climbs = reference.split('/').any(|name| name == "..");
        reference.starts_with(&self.text) && !climbs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Reference, String> {
        Reference::try_from(text.to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn one_without_a_star_is_itself() {
        let one = of("env:IMAP").unwrap();

        assert!(one.covers("env:IMAP"));
        assert!(!one.covers("env:IMAP_PASSWORD"));
        assert!(!one.covers("file:IMAP"));
    }

    #[test]
    fn one_with_a_star_is_whatever_begins_so_and_climbs_nowhere() {
        let variables = of("env:CONNECTOR_*").unwrap();
        let files = of("file:/run/secrets/*").unwrap();

        assert!(variables.covers("env:CONNECTOR_SQL"));
        assert!(!variables.covers("env:CHATKEEP_KEY"));
        assert!(files.covers("file:/run/secrets/imap/password"));
        assert!(!files.covers("file:/run/secrets/../chatkeep/key"));
        assert!(!files.covers("file:/etc/passwd"));
        assert!(of("env:*").unwrap().covers("env:ANY"));
        let identity = of(WORKLOAD_IDENTITY).unwrap();
        assert!(identity.covers(WORKLOAD_IDENTITY));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "",
            "*",
            "env:",
            "IMAP",
            "secret:imap",
            "file:",
            "file:*",
            "file:key",
            "env:*_KEY",
        ] {
            assert!(of(text).unwrap_err().contains("env:NAME"), "{text}");
        }
    }
}
