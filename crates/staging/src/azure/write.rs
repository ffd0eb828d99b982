use std::{fs::File, io, num::NonZero, os::unix::fs::FileExt as _, sync::Arc};

use azure_core::http::RequestContent;
use azure_storage_blob::{
    BlobClient,
    models::{
        BlobClientGetPropertiesResultHeaders as _, BlockBlobClientCommitBlockListOptions,
        BlockBlobClientStageBlockOptions, BlockBlobClientUploadOptions, BlockLookupList,
    },
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::{Azure, PARALLEL, STRETCH, failure::Problem};
use crate::{Blob, BlobKind, Spool, StagingError, blocking::blocking};

/// How often a blob may be there and be deleted before it can be noted as needed.
const VANISHES: u32 = 3;

/// Where the bytes of a new blob are.
#[derive(Clone, Debug)]
enum Content {
    Memory(Bytes),
    File(Arc<File>),
}

impl Content {
    /// A stretch of the bytes and its MD5, which the service compares with what arrives. Blocks.
    fn stretch(&self, offset: u64, size: u64) -> io::Result<(Bytes, Vec<u8>)> {
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let start = usize::try_from(offset).map_err(too_large)?;
        let length = usize::try_from(size).map_err(too_large)?;
        let bytes = match self {
            Self::Memory(bytes) => bytes.slice(start..start + length),
            Self::File(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset)?;
                bytes.into()
            }
        };
        let md5 = Md5::digest(&bytes).to_vec();
        Ok((bytes, md5))
    }
}

/// A blob on its way.
struct Upload {
    blob: Blob,
    content: Content,
}

impl Azure {
    pub(crate) async fn put(&self, kind: BlobKind, bytes: Bytes) -> Result<Blob, StagingError> {
        let hashed = bytes.clone();
        let sha256 = blocking(move || Ok(Sha256::digest(&hashed).into())).await;
        let sha256 = sha256.map_err(write_error)?;
        self.store(Upload {
            blob: kind.blob(&sha256, bytes.len() as u64),
            content: Content::Memory(bytes),
        })
        .await
    }

    /// A local file: a blob's name is the hash of its content, which is known only at the end, and blocks
    /// cannot be renamed.
    pub(crate) fn spool(&self) -> io::Result<Spool> {
        Spool::nameless(self.spool_folder())
    }

    pub(crate) async fn commit(&self, kind: BlobKind, spool: Spool) -> Result<Blob, StagingError> {
        let finished = blocking(move || {
            let spooled = spool.finish()?;
            let blob = kind.blob(&spooled.sha256, spooled.size);
            let content = Content::File(Arc::new(spooled.file));
            Ok(Upload { blob, content })
        });
        self.store(finished.await.map_err(write_error)?).await
    }

    async fn store(&self, upload: Upload) -> Result<Blob, StagingError> {
        let client = self.client(&upload.blob.key);
        for _ in 0..VANISHES {
            let is_there = if upload.blob.size <= STRETCH {
                self.store_whole(&client, &upload).await?
            } else {
                self.store_blocks(&client, &upload).await?
            };
            if is_there {
                return Ok(upload.blob);
            }
        }
        Err(write_error(io::Error::from(io::ErrorKind::ResourceBusy)))
    }

    /// Sends the blob with one request; `false` when it was there and is not any more.
    async fn store_whole(
        &self,
        client: &BlobClient,
        upload: &Upload,
    ) -> Result<bool, StagingError> {
        let (content, size) = (upload.content.clone(), upload.blob.size);
        let read = blocking(move || content.stretch(0, size)).await;
        let (bytes, md5) = read.map_err(write_error)?;
        let options = BlockBlobClientUploadOptions {
            blob_content_md5: Some(md5.clone()),
            partition_size: NonZero::new(STRETCH),
            ..BlockBlobClientUploadOptions::default()
        };
        let request = client.upload(bytes.into(), Some(options.if_not_exists()));
        match self.call(request).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.problem == Problem::Exists => {
                self.write_again(client, &upload.blob, Some(md5)).await
            }
            Err(failure) => Err(write_error(failure)),
        }
    }

    /// Sends the blob in blocks and makes one blob of them; `false` when it was there and is not any
    /// more. Whoever else sends the same blob sends the same blocks, so it does not matter whose of them
    /// are used.
    async fn store_blocks(
        &self,
        client: &BlobClient,
        upload: &Upload,
    ) -> Result<bool, StagingError> {
        if self.write_again(client, &upload.blob, None).await? {
            return Ok(true);
        }
        let count = upload.blob.size.div_ceil(STRETCH);
        let blocks = (0..count).map(|number| self.send_block(client, upload, number));
        let blocks = stream::iter(blocks).buffered(PARALLEL);
        let list = BlockLookupList {
            latest: Some(blocks.try_collect().await?),
            ..BlockLookupList::default()
        };
        let list = RequestContent::try_from(list)
            .map_err(|_| write_error(io::Error::from(io::ErrorKind::InvalidData)))?;
        let options = BlockBlobClientCommitBlockListOptions {
            if_none_match: Some("*".into()),
            ..BlockBlobClientCommitBlockListOptions::default()
        };
        let client_of_blocks = client.block_blob_client();
        let committed = client_of_blocks.commit_block_list(list, Some(options));
        match self.call(committed).await {
            Ok(_) => Ok(true),
            Err(failure) => match failure.problem {
                // Or somebody else has made the blob of our blocks.
                Problem::Exists | Problem::NoBlocks => {
                    self.write_again(client, &upload.blob, None).await
                }
                _ => Err(write_error(failure)),
            },
        }
    }

    /// Sends one block and returns its id.
    async fn send_block(
        &self,
        client: &BlobClient,
        upload: &Upload,
        number: u64,
    ) -> Result<Vec<u8>, StagingError> {
        let offset = number * STRETCH;
        let size = STRETCH.min(upload.blob.size - offset);
        let content = upload.content.clone();
        let read = blocking(move || content.stretch(offset, size)).await;
        let (bytes, md5) = read.map_err(write_error)?;
        let id = block_id(number);
        let options = BlockBlobClientStageBlockOptions {
            transactional_content_md5: Some(md5),
            ..BlockBlobClientStageBlockOptions::default()
        };
        let blocks = client.block_blob_client();
        let sent = blocks.stage_block(&id, size, bytes.into(), Some(options));
        self.call(sent).await.map_err(write_error)?;
        Ok(id)
    }

    /// Makes a blob that is there count as written now; `false` when there is none.
    async fn write_again(
        &self,
        client: &BlobClient,
        blob: &Blob,
        md5: Option<Vec<u8>>,
    ) -> Result<bool, StagingError> {
        match self.touch(client).await {
            Ok(()) => self.compare(client, blob, md5).await.map(|()| true),
            Err(failure) if failure.problem == Problem::NoBlob => Ok(false),
            Err(failure) => Err(write_error(failure)),
        }
    }

    /// Content is never overwritten. What stands under a key is its content, unless somebody else has
    /// written there.
    async fn compare(
        &self,
        client: &BlobClient,
        blob: &Blob,
        md5: Option<Vec<u8>>,
    ) -> Result<(), StagingError> {
        let found = self.call(client.get_properties(None)).await;
        let found = found.map_err(write_error)?;
        let has_size = found.content_length().ok().flatten() == Some(blob.size);
        let found_md5 = found.content_md5().ok().flatten();
        let has_md5 = found_md5.zip(md5).is_none_or(|(found, sent)| found == sent);
        if has_size && has_md5 {
            return Ok(());
        }
        Err(StagingError::Altered)
    }
}

/// Ids of one blob have one length. The size of the blocks is part of them: another program version may
/// cut the blob differently.
fn block_id(number: u64) -> Vec<u8> {
    [STRETCH.to_be_bytes(), number.to_be_bytes()].concat()
}

fn write_error(source: impl Into<io::Error>) -> StagingError {
    StagingError::Write {
        source: source.into(),
    }
}
