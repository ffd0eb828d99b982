//! CSV files: header in any order and case, unknown columns ignored, every row whole.

use std::{
    borrow::Cow,
    fs::{File, Metadata},
    io,
    path::{Path, PathBuf},
};

use chatkeep_model::address;

use crate::text;

/// Why a directory or mapping file cannot be used: which file, where in it, what to do. Values of the
/// file are never quoted.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file is not there or must not be read.
    #[error("open {}; check the path in the connector file and the permissions", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file's bytes cannot be read, or are not the UTF-16 they seemed to be.
    #[error("read {}; save it as CSV in UTF-8", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The first line does not name a column that must be there.
    #[error("{}, line 1: column {column} is missing; the first line must name {expected}", file.display())]
    Column {
        /// The file.
        file: PathBuf,
        /// The missing column.
        column: &'static str,
        /// All columns that must be there, separated by commas.
        expected: String,
    },
    /// A row cannot be what it should be.
    #[error("{}, line {line}: {problem}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// The line the row starts on, from 1.
        line: u64,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// The file names more users than are kept in memory.
    #[error("{}: more than 4 GiB of addresses; leave out who has had no conversation", file.display())]
    Addresses {
        /// The file.
        file: PathBuf,
    },
    /// Somebody wrote to the file in the meantime.
    #[error("{} changed while it was read; try again when it is complete", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
}

/// Windows PowerShell's `Export-Csv` writes a first line `#TYPE ...`.
const COMMENT: u8 = b'#';

/// The columns that are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    /// Those that must be there.
    pub(crate) mandatory: &'static [&'static str],
    /// Those that may be there, behind the others in a row.
    pub(crate) optional: &'static [&'static str],
}

impl<const N: usize> From<&'static [&'static str; N]> for Columns {
    fn from(mandatory: &'static [&'static str; N]) -> Self {
        Self {
            mandatory,
            optional: &[],
        }
    }
}

/// Rows of a CSV file, read one by one.
pub(crate) struct Table {
    file: PathBuf,
    reader: csv::Reader<Box<dyn io::Read + Send>>,
    /// Where they stand; `None` for one that may be there and is not.
    columns: Vec<Option<usize>>,
    record: csv::StringRecord,
    opened: Option<(File, Metadata)>,
}

/// One row: its fields in the order of the columns that were asked for.
pub(crate) struct Row<'a> {
    record: &'a csv::StringRecord,
    columns: &'a [Option<usize>],
    /// The line the row starts on, from 1.
    pub(crate) line: u64,
}

impl Row<'_> {
    /// The field of the column at this position, without white space around it.
    pub(crate) fn field(&self, column: usize) -> &str {
        let position = self.columns.get(column).copied().flatten();
        position
            .and_then(|position| self.record.get(position))
            .unwrap_or_default()
    }

    /// The field as an address.
    pub(crate) fn address(&self, column: usize) -> String {
        normalized(self.field(column)).into_owned()
    }
}

/// Normalises an address until that changes nothing any more: what a snapshot stores reads as itself,
/// even where a file says `sip:sip:`.
pub(crate) fn normalized(text: &str) -> Cow<'_, str> {
    let mut normalized = Cow::Borrowed(text);
    while !address::is_normal(&normalized) {
        normalized = Cow::Owned(address::normalize(&normalized));
    }
    normalized
}

/// Writes rows below a header, as every snapshot does.
pub(crate) fn write<const N: usize>(header: &[&str; N], rows: &[[String; N]]) -> Vec<u8> {
    let mut snapshot = Snapshot::begin(header);
    for row in rows {
        snapshot.push(row);
    }
    snapshot.finish()
}

/// A snapshot, row by row.
pub(crate) struct Snapshot<const N: usize>(csv::Writer<Vec<u8>>);

impl<const N: usize> Snapshot<N> {
    pub(crate) fn begin(header: &[&str; N]) -> Self {
        let mut writer = csv::WriterBuilder::new();
        let writer = writer.comment(Some(COMMENT)).from_writer(Vec::new());
        let mut snapshot = Self(writer);
        snapshot.write(header);
        snapshot
    }

    pub(crate) fn push(&mut self, row: &[String; N]) {
        self.write(row);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner().unwrap_or_default()
    }

    /// Writing to memory cannot fail.
    fn write<T: AsRef<[u8]>>(&mut self, fields: &[T; N]) {
        let written = self.0.write_record(fields);
        debug_assert!(written.is_ok(), "every row has the header's length");
    }
}

impl Table {
    /// Opens a file that has these columns.
    pub(crate) fn open(path: &Path, columns: impl Into<Columns>) -> Result<Self, TableError> {
        let open = |source| TableError::Open {
            file: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(open)?;
        let before = file.metadata().map_err(open)?;
        let probe = file.try_clone().map_err(open)?;
        let mut table = Self::read(path, file, columns)?;
        table.opened = Some((probe, before));
        Ok(table)
    }

    /// Reads a table from elsewhere; `name` stands for the file in errors.
    pub(crate) fn read(
        name: &Path,
        reader: impl io::Read + Send + 'static,
        columns: impl Into<Columns>,
    ) -> Result<Self, TableError> {
        let reader = text::utf8(reader).map_err(|source| TableError::Read {
            file: name.to_owned(),
            source,
        })?;
        let mut table = Self {
            file: name.to_owned(),
            reader: csv::ReaderBuilder::new()
                .has_headers(false)
                .trim(csv::Trim::All)
                .comment(Some(COMMENT))
                .from_reader(reader),
            columns: Vec::new(),
            record: csv::StringRecord::new(),
            opened: None,
        };
        table.find_columns(columns.into())?;
        Ok(table)
    }

    /// The next row; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, TableError> {
        if !self.load()? {
            return self.check_unchanged().map(|()| None);
        }
        Ok(Some(Row {
            line: self.line(),
            record: &self.record,
            columns: &self.columns,
        }))
    }

    /// The error that the row on this line has this problem.
    pub(crate) fn row_error(&self, line: u64, problem: &'static str) -> TableError {
        TableError::Row {
            file: self.file.clone(),
            line,
            problem,
        }
    }

    fn find_columns(&mut self, columns: Columns) -> Result<(), TableError> {
        self.load()?;
        let find = |column: &str| {
            let is_column = |name: &str| name.eq_ignore_ascii_case(column);
            self.record.iter().position(is_column)
        };
        for column in columns.mandatory {
            let found = find(column).ok_or_else(|| TableError::Column {
                file: self.file.clone(),
                column,
                expected: columns.mandatory.join(","),
            })?;
            self.columns.push(Some(found));
        }
        let optional = columns.optional.iter().map(|column| find(column));
        self.columns.extend(optional);
        Ok(())
    }

    fn load(&mut self) -> Result<bool, TableError> {
        let loaded = self.reader.read_record(&mut self.record);
        loaded.map_err(|error| self.csv_error(error))
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(1, csv::Position::line)
    }

    fn csv_error(&self, error: csv::Error) -> TableError {
        let line = error.position().map_or(1, csv::Position::line);
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths { .. } => {
                "has another number of fields than the first line; put fields with commas in quotes"
            }
            csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as CSV in UTF-8",
            _ => "cannot be read as CSV",
        };
        match error.into_kind() {
            csv::ErrorKind::Io(source) => TableError::Read {
                file: self.file.clone(),
                source,
            },
            _ => self.row_error(line, problem),
        }
    }

    /// A file that somebody is still writing could be read in part, and everybody behind its end would
    /// seem to have left.
    fn check_unchanged(&self) -> Result<(), TableError> {
        let Some((file, before)) = &self.opened else {
            return Ok(());
        };
        let after = file.metadata().map_err(|source| TableError::Read {
            file: self.file.clone(),
            source,
        })?;
        let is_unchanged =
            after.len() == before.len() && after.modified().ok() == before.modified().ok();
        if is_unchanged {
            return Ok(());
        }
        Err(TableError::Changed {
            file: self.file.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Cursor};

    use super::*;

    fn table(text: &str) -> Result<Table, TableError> {
        let bytes = Cursor::new(text.as_bytes().to_vec());
        Table::read(Path::new("directory.csv"), bytes, &["mail", "sipAddress"])
    }

    #[test]
    fn columns_are_found_in_any_order_and_case_among_others() {
        let mut table = table("#TYPE User\r\nSIPADDRESS,x,Mail\r\n a , b , c \r\n").unwrap();

        let row = table.next().unwrap().unwrap();

        assert_eq!((row.field(0), row.field(1)), ("c", "a"));
        assert!(table.next().unwrap().is_none());
    }

    #[test]
    fn a_column_that_may_be_missing_is_empty_where_it_is() {
        let columns = Columns {
            mandatory: &["mail"],
            optional: &["note"],
        };
        let read = |text: &str| {
            let bytes = Cursor::new(text.as_bytes().to_vec());
            let mut table = Table::read(Path::new("a.csv"), bytes, columns).unwrap();
            table.next().unwrap().unwrap().field(1).to_owned()
        };

        assert_eq!(read("mail\na\n"), "");
        assert_eq!(read("NOTE,mail\nb,a\n"), "b");
    }

    #[test]
    fn a_missing_column_is_named_together_with_what_to_do() {
        let error = table("mail,sip\n").err().unwrap();

        assert_eq!(
            error.to_string(),
            "directory.csv, line 1: column sipAddress is missing; \
             the first line must name mail,sipAddress"
        );
    }

    #[test]
    fn a_row_of_another_length_is_named_by_its_line() {
        let mut table = table("mail,sipAddress\n\"two\nlines\",b\na,b,c\n").unwrap();
        table.next().unwrap();

        let error = table.next().err().unwrap();

        assert!(
            error
                .to_string()
                .starts_with("directory.csv, line 4: has another number")
        );
    }

    #[test]
    fn an_empty_file_lacks_its_columns() {
        assert!(matches!(table(""), Err(TableError::Column { .. })));
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.csv");
        fs::write(&path, "mail\na\n").unwrap();
        let mut table = Table::open(&path, &["mail"]).unwrap();
        table.next().unwrap();

        fs::write(&path, "mail\na\nb\n").unwrap();

        let end = loop {
            match table.next() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert!(matches!(end, Some(TableError::Changed { .. })));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Table::open(Path::new("/nowhere/directory.csv"), &["mail"])
            .err()
            .unwrap();

        assert!(error.to_string().starts_with("open /nowhere/directory.csv"));
    }
}
