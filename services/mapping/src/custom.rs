//! The custom mapping: what an administrator decided, address by address.

use std::{io, path::Path};

use chatkeep_model::address;

use crate::table::{self, Table, TableError};

const COLUMNS: [&str; 2] = ["source_user", "mailbox"];

/// Wrong lines named of one mapping.
const NAMED: usize = 100;

/// Stands for the file of a mapping that is none.
const UNSTORED: &str = "custom mapping";

/// A line that cannot be what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongLine {
    /// From 1.
    pub(crate) line: u64,
    /// What is wrong and what to do.
    pub(crate) problem: String,
}

/// Source addresses and the mailboxes they go to, sorted by address.
#[derive(Default)]
pub(crate) struct CustomMapping {
    rows: Vec<[String; 2]>,
}

impl CustomMapping {
    /// Reads the CSV file.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        Self::collect(Table::open(path, &COLUMNS)?, Err)
    }

    /// Reads CSV that is stored nowhere.
    pub(crate) fn unstored(csv: String) -> Result<Self, TableError> {
        Self::read(Path::new(UNSTORED), io::Cursor::new(csv.into_bytes()))
    }

    /// Reads CSV from elsewhere; `name` stands for the file in errors.
    pub(crate) fn read(
        name: &Path,
        reader: impl io::Read + Send + 'static,
    ) -> Result<Self, TableError> {
        Self::collect(Table::read(name, reader, &COLUMNS)?, Err)
    }

    /// Reads the rows. What is wrong with one goes to `wrong`, which ends the reading or lets it go on.
    fn collect(
        mut table: Table,
        mut wrong: impl FnMut(TableError) -> Result<(), TableError>,
    ) -> Result<Self, TableError> {
        let mut rows: Vec<([String; 2], u64)> = Vec::new();
        loop {
            let read = table
                .next()
                .map(|row| row.map(|row| ([0, 1].map(|column| row.address(column)), row.line)));
            match read {
                Ok(None) => break,
                Ok(Some((pair, line))) => match problem(&pair) {
                    None => rows.push((pair, line)),
                    Some(problem) => wrong(table.row_error(line, problem))?,
                },
                Err(error) => wrong(error)?,
            }
        }
        rows.sort_unstable();
        rows.dedup_by(|a, b| a.0 == b.0);
        for pair in rows.windows(2) {
            if let [([user, _], first), ([other, _], second)] = pair
                && user == other
            {
                let problem =
                    "source_user has another mailbox on an earlier line; keep one of them";
                wrong(table.row_error(*first.max(second), problem))?;
            }
        }
        let mut rows: Vec<_> = rows.into_iter().map(|(pair, _)| pair).collect();
        rows.shrink_to_fit();
        Ok(Self { rows })
    }

    /// The mailbox of a normalised address.
    pub(crate) fn mailbox(&self, address: &str) -> Option<&str> {
        let found = self
            .rows
            .binary_search_by(|[user, _]| user.as_str().cmp(address));
        found.ok().map(|position| self.rows[position][1].as_str())
    }

    /// How many addresses are mapped.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The snapshot's bytes: CSV again, in canonical form.
    pub(crate) fn to_csv(&self) -> Vec<u8> {
        table::write(&COLUMNS, &self.rows)
    }
}

/// The lines of a mapping that cannot be what they should be, the first hundred that are found; none when it
/// can be used.
pub(crate) fn wrong_lines(csv: String) -> Vec<WrongLine> {
    let mut found = Vec::new();
    let reader = io::Cursor::new(csv.into_bytes());
    let table = Table::read(Path::new(UNSTORED), reader, &COLUMNS);
    let read = table.and_then(|table| {
        CustomMapping::collect(table, |error| match error {
            TableError::Row { line, problem, .. } if found.len() < NAMED => {
                let problem = problem.to_owned();
                found.push(WrongLine { line, problem });
                Ok(())
            }
            error => Err(error),
        })
    });
    match read {
        Err(error) if found.is_empty() => found.push(WrongLine::of_whole(&error)),
        _ => {}
    }
    found.sort_unstable_by_key(|wrong| wrong.line);
    found
}

impl WrongLine {
    /// Of what keeps a mapping from being read at all.
    fn of_whole(error: &TableError) -> Self {
        let problem = match error {
            TableError::Column {
                column, expected, ..
            } => {
                format!("column {column} is missing; the first line must name {expected}")
            }
            _ => "cannot be read; save it as CSV in UTF-8".to_owned(),
        };
        Self { line: 1, problem }
    }
}

fn problem([user, mailbox]: &[String; 2]) -> Option<&'static str> {
    if user.is_empty() {
        return Some("source_user is empty; fill it in or remove the line");
    }
    if !address::is_mailable(mailbox) {
        return Some("mailbox is not an e-mail address; correct it or remove the line");
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn custom(rows: &str) -> Result<CustomMapping, TableError> {
        let text = format!("mailbox,Source_User\n{rows}");
        CustomMapping::read(Path::new("mapping.csv"), Cursor::new(text.into_bytes()))
    }

    #[test]
    fn addresses_are_found_without_scheme_and_in_lower_case() {
        let mapping = custom("Archive@contoso.com,sip:Dana@Fabrikam.com\n").unwrap();

        assert_eq!(
            mapping.mailbox("dana@fabrikam.com"),
            Some("archive@contoso.com")
        );
        assert_eq!(mapping.mailbox("other@fabrikam.com"), None);
    }

    #[test]
    fn saying_the_same_twice_is_fine_and_two_mailboxes_for_one_user_are_not() {
        let same = custom("m@x.com,a@x.com\nM@x.com,SIP:a@x.com\n").unwrap();
        let error = custom("m@x.com,a@x.com\nb@x.com,b@x.com\nn@x.com,A@x.com\n")
            .err()
            .unwrap();

        assert_eq!(same.len(), 1);
        assert!(
            error
                .to_string()
                .starts_with("mapping.csv, line 4: source_user has another")
        );
    }

    #[test]
    fn every_wrong_line_of_an_unstored_mapping_is_named_in_its_order() {
        let csv = "source_user,mailbox\na@x.com,m@x.com\nb@x.com,nowhere\nc@x.com\n,d@x.com\n\
                   A@x.com,n@x.com\n";

        let lines = wrong_lines(csv.to_owned());

        let lines: Vec<_> = lines
            .iter()
            .map(|it| (it.line, it.problem.split(' ').next().unwrap()))
            .collect();
        assert_eq!(
            lines,
            [
                (3, "mailbox"),
                (4, "has"),
                (5, "source_user"),
                (6, "source_user")
            ]
        );
    }

    #[test]
    fn an_unstored_mapping_without_its_columns_is_wrong_on_its_first_line() {
        for csv in ["", "\n", "a@x.com,m@x.com\n", "\u{0}"] {
            let lines = wrong_lines(csv.to_owned());
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(
                lines[0].problem.contains("source_user,mailbox"),
                "{lines:?}"
            );
        }
        assert_eq!(wrong_lines("source_user,mailbox\n".to_owned()), []);
    }

    #[test]
    fn of_a_mapping_that_is_wrong_throughout_a_hundred_lines_are_named() {
        let csv = format!("source_user,mailbox\n{}", "a@x.com,nowhere\n".repeat(1_000));

        assert_eq!(wrong_lines(csv).len(), NAMED);
    }

    #[test]
    fn a_mailbox_that_is_none_is_named_by_its_line() {
        let error = custom("m@x.com,a@x.com\nnowhere,b@x.com\n").err().unwrap();

        assert!(
            error
                .to_string()
                .starts_with("mapping.csv, line 3: mailbox is not")
        );
    }
}
