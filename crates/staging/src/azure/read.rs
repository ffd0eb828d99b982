use std::num::NonZero;

use azure_storage_blob::models::{BlobClientDownloadOptions, HttpRange};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::{
    Azure, PARALLEL, STRETCH, WindowReader,
    failure::{Failure, Problem},
    span,
};
use crate::{Blob, BlobRange, BlobReader, StagingError, blob::check_key, blocking::blocking};

/// How many answers to one request may break off.
const BROKEN: u32 = 2;

/// Memory set aside at once for a blob, whatever size it claims to have.
const CAPACITY: u64 = 64 << 20;

impl Azure {
    pub(crate) async fn get(&self, blob: &Blob) -> Result<Bytes, StagingError> {
        check_key(&blob.key)?;
        let read = self.stretch(&blob.key, 0, blob.size).await;
        let bytes = read.map_err(read_error)?;
        let expected = blob.sha256.clone();
        let checked = blocking(move || {
            let is_whole = Sha256::digest(&bytes).as_slice() == expected;
            Ok(is_whole.then_some(bytes))
        });
        let checked = checked.await;
        checked
            .map_err(|source| StagingError::Read { source })?
            .ok_or(StagingError::Altered)
    }

    pub(crate) async fn ranges(
        &self,
        ranges: Vec<BlobRange>,
    ) -> Result<Vec<Option<Bytes>>, StagingError> {
        for range in &ranges {
            check_key(&range.blob.key)?;
        }
        let nothing = |range: &BlobRange| {
            let is_nothing = range.size == 0 && range.is_within_blob();
            is_nothing.then(Bytes::new)
        };
        let mut read: Vec<_> = ranges.iter().map(nothing).collect();
        let requests = span::spans(&ranges).into_iter().map(async |span| {
            let bytes = self.stretch(&span.key, span.offset, span.size).await?;
            Ok((span, bytes))
        });
        let mut answers = stream::iter(requests).buffer_unordered(PARALLEL);
        while let Some((span, bytes)) = answers.try_next().await.map_err(read_error)? {
            for (place, cut) in span.cut(&ranges, &bytes) {
                if let Some(slot) = read.get_mut(place) {
                    *slot = cut;
                }
            }
        }
        Ok(read)
    }

    /// Makes sure that the blob is there: opening a file does.
    pub(crate) async fn reader(&self, blob: &Blob) -> Result<BlobReader, StagingError> {
        check_key(&blob.key)?;
        let windows = WindowReader::new(self.clone(), Handle::current(), blob);
        let client = self.client(&blob.key);
        let found = self.call(client.get_properties(None)).await;
        found.map_err(read_error)?;
        Ok(BlobReader::windows(windows, blob))
    }

    /// Reads a stretch of any size; shorter where the blob ends before.
    pub(super) async fn stretch(
        &self,
        key: &str,
        offset: u64,
        size: u64,
    ) -> Result<Bytes, Failure> {
        if size <= STRETCH {
            return self.request(key, offset, size).await;
        }
        let end = offset.saturating_add(size);
        let starts = (0..size.div_ceil(STRETCH)).map(|number| offset + number * STRETCH);
        let requests = starts.map(|start| self.request(key, start, STRETCH.min(end - start)));
        let mut answers = stream::iter(requests).buffered(PARALLEL);
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(CAPACITY)).unwrap_or(0));
        while let Some(piece) = answers.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.into())
    }

    /// Reads a stretch with one request, again when the answer breaks off: the SDK asks again only until
    /// the answer begins.
    async fn request(&self, key: &str, offset: u64, size: u64) -> Result<Bytes, Failure> {
        let Some(length) = usize::try_from(size).ok().and_then(NonZero::new) else {
            return Ok(Bytes::new());
        };
        let client = self.client(key);
        let mut broken = 0;
        loop {
            let options = BlobClientDownloadOptions {
                range: Some(HttpRange::new(offset, size)),
                partition_size: Some(length),
                parallel: Some(NonZero::<usize>::MIN),
                ..BlobClientDownloadOptions::default()
            };
            let answer = match self.call(client.download(Some(options))).await {
                Ok(answer) => answer,
                Err(failure) if failure.problem == Problem::NoRange => return Ok(Bytes::new()),
                Err(failure) => return Err(failure),
            };
            match self.call(answer.body.collect()).await {
                Err(failure) if failure.problem == Problem::NoAnswer && broken < BROKEN => {
                    broken += 1;
                }
                read => return read,
            }
        }
    }
}

fn read_error(failure: Failure) -> StagingError {
    StagingError::Read {
        source: failure.into(),
    }
}
