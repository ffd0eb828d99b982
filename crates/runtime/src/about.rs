use std::{fmt, num::ParseIntError, str::FromStr};

/// What a program says of itself at `/version` of its admin port: a line `NAME VERSION`, and of a program
/// that writes the ledger a second one, `ledger FORMAT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What the program is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Format of the ledger that it writes, if it writes one.
    pub ledger_format: Option<i64>,
}

/// An answer that no program of ours gives.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// There is no line `NAME VERSION`.
    #[error("read name and version")]
    Version,
    /// The ledger's format is no number.
    #[error("read ledger format")]
    LedgerFormat {
        /// The reason.
        source: ParseIntError,
    },
}

impl About {
    /// A program of this name and version, and the format of the ledger that it writes.
    pub fn new(name: &str, version: &str, ledger_format: Option<i64>) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            ledger_format,
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.name, self.version)?;
        match self.ledger_format {
            Some(format) => writeln!(f, "ledger {format}"),
            None => Ok(()),
        }
    }
}

impl FromStr for About {
    type Err = NoAnswer;

    fn from_str(text: &str) -> Result<Self, NoAnswer> {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let (name, version) = lines.next().ok_or(NoAnswer::Version)?;
        let mut formats = lines.filter(|(name, _)| *name == "ledger");
        let format = formats.next().map(|(_, format)| format.parse()).transpose();
        let format = format.map_err(|source| NoAnswer::LedgerFormat { source })?;
        Ok(Self::new(name, version, format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_of_itself_is_read_as_it_was_said() {
        for format in [None, Some(9)] {
            let about = About::new("control", "0.1.0", format);

            assert_eq!(about.to_string().parse::<About>().unwrap(), about);
        }
        assert_eq!(
            About::new("control", "0.1.0", Some(9)).to_string(),
            "control 0.1.0\nledger 9\n"
        );
    }

    #[test]
    fn another_server_s_page_is_no_answer() {
        for page in ["", "<html></html>", "control 0.1.0\nledger nine\n"] {
            assert!(page.parse::<About>().is_err(), "{page}");
        }
    }
}
