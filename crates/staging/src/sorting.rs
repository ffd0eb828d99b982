//! Sorting and merging of more than fits into memory.
//!
//! Bounds, whatever the run: a [`Sorter`] holds [`HELD`] bytes of values, a [`Merge`] one value and one
//! read buffer of 32 KiB for each of at most [`FAN_IN`] runs.

mod merge;
mod sorter;

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek as _, Write as _},
    vec,
};

use serde::{Serialize, de::DeserializeOwned};

pub use self::{merge::Merge, sorter::Sorter};
use crate::{FrameError, FrameReader, FrameWriter};

/// Runs merged at once.
pub const FAN_IN: usize = 64;
/// Bytes of values a sorter holds.
pub const HELD: usize = 16 << 20;

const BUFFER: usize = 32 << 10;

/// A value that can be sorted outside memory. Values that are equal are one and the same.
pub trait Sortable: Ord + Serialize + DeserializeOwned {
    /// Bytes it holds, about.
    fn weight(&self) -> usize;
}

/// Why values cannot be sorted.
#[derive(Debug, thiserror::Error)]
pub enum SortError {
    /// The temporary folder refuses.
    #[error("write temporary file")]
    Temporary {
        /// The system's reason.
        source: io::Error,
    },
    /// A value does not become a frame or come back from one.
    #[error("write or read sorted values")]
    Frame {
        /// The reason.
        source: FrameError,
    },
}

/// Sorted values.
pub struct Run<T>(Form<T>);

enum Form<T> {
    Memory(vec::IntoIter<T>),
    Frames(FrameReader<Box<dyn Read + Send>>),
}

impl<T: Sortable> Run<T> {
    /// Values in memory, sorted here.
    pub fn sorted(mut values: Vec<T>) -> Self {
        values.sort_unstable();
        Self(Form::Memory(values.into_iter()))
    }

    /// Frames that were written sorted.
    pub fn frames(reader: impl Read + Send + 'static) -> Self {
        let reader = BufReader::with_capacity(BUFFER, reader);
        Self(Form::Frames(FrameReader::new(Box::new(reader))))
    }

    /// Writes sorted values to a temporary file that nobody else sees.
    fn spill(values: impl IntoIterator<Item = Result<T, SortError>>) -> Result<File, SortError> {
        let temporary = |source| SortError::Temporary { source };
        let file = tempfile::tempfile().map_err(temporary)?;
        let mut frames = FrameWriter::new(BufWriter::with_capacity(BUFFER, file));
        for value in values {
            let written = frames.push(&value?);
            written.map_err(|source| SortError::Frame { source })?;
        }
        let mut writer = frames.into_inner();
        writer.flush().map_err(temporary)?;
        let mut file = writer
            .into_inner()
            .map_err(|error| temporary(error.into_error()))?;
        file.rewind().map_err(temporary)?;
        Ok(file)
    }

    fn next(&mut self) -> Result<Option<T>, SortError> {
        match &mut self.0 {
            Form::Memory(values) => Ok(values.next()),
            Form::Frames(frames) => frames.next().map_err(|source| SortError::Frame { source }),
        }
    }
}
