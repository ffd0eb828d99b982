//! The custom mapping: what an administrator decided, address by address.

use std::{io, path::Path};

use chatkeep_model::address;

use crate::table::{self, Table, TableError};

const COLUMNS: [&str; 2] = ["source_user", "mailbox"];

/// Source addresses and the mailboxes they go to, sorted by address.
#[derive(Default)]
pub(crate) struct CustomMapping {
    rows: Vec<[String; 2]>,
}

impl CustomMapping {
    /// Reads the CSV file.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        Self::collect(Table::open(path, &COLUMNS)?)
    }

    /// Reads CSV from elsewhere; `name` stands for the file in errors.
    pub(crate) fn read(
        name: &Path,
        reader: impl io::Read + Send + 'static,
    ) -> Result<Self, TableError> {
        Self::collect(Table::read(name, reader, &COLUMNS)?)
    }

    fn collect(mut table: Table) -> Result<Self, TableError> {
        let mut rows: Vec<([String; 2], u64)> = Vec::new();
        while let Some(row) = table.next()? {
            let line = row.line;
            let pair = [0, 1].map(|column| row.address(column));
            if let Some(problem) = problem(&pair) {
                return Err(table.row_error(line, problem));
            }
            rows.push((pair, line));
        }
        rows.sort_unstable();
        rows.dedup_by(|a, b| a.0 == b.0);
        let twice = rows.windows(2).find(|pair| pair[0].0[0] == pair[1].0[0]);
        if let Some([(_, first), (_, second)]) = twice {
            let problem = "source_user has another mailbox on an earlier line; keep one of them";
            return Err(table.row_error(*first.max(second), problem));
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
    fn a_mailbox_that_is_none_is_named_by_its_line() {
        let error = custom("m@x.com,a@x.com\nnowhere,b@x.com\n").err().unwrap();

        assert!(
            error
                .to_string()
                .starts_with("mapping.csv, line 3: mailbox is not")
        );
    }
}
