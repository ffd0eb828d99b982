use std::{collections::HashMap, time::Duration};

use azure_core::error::ErrorKind;
use azure_storage_blob::{
    BlobClient,
    models::{
        BlobClientDeleteOptions, BlobClientGetPropertiesResultHeaders as _,
        BlobClientStartCopyFromUrlOptions, BlobContainerClientListBlobsOptions, BlobItem,
        CopyStatus,
    },
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Azure, PARALLEL,
    failure::{Failure, Problem},
};
use crate::{
    Blob, Page, StagingError, StoredBlob,
    blob::check_key,
    inventory::{PAGE, kept_key},
};

/// How often a copy that goes on in the background is looked at. Copies within an account are there at
/// once; this is for the day they are not.
const LOOK: Duration = Duration::from_millis(500);

impl Azure {
    pub(crate) async fn list(
        &self,
        prefix: &str,
        from: Option<&str>,
    ) -> Result<Page, StagingError> {
        check_key(prefix)?;
        let listed = self.call(self.page(prefix, from)).await;
        listed.map_err(|failure| StagingError::List {
            source: failure.into(),
        })
    }

    async fn page(&self, prefix: &str, from: Option<&str>) -> azure_core::Result<Page> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
            marker: from.map(str::to_owned),
            maxresults: Some(PAGE.into()),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let mut pages = self.0.container.list_blobs(Some(options))?.into_pages();
        let Some(page) = pages.try_next().await? else {
            return Ok(Page::default());
        };
        let page = page.into_model()?;
        Ok(Page {
            blobs: page.blob_items.into_iter().filter_map(stored).collect(),
            next: page.next_marker.filter(|marker| !marker.is_empty()),
        })
    }

    pub(crate) async fn delete(&self, blobs: &[StoredBlob]) -> Result<u64, StagingError> {
        blobs.iter().try_for_each(|blob| check_key(&blob.key))?;
        let requests = blobs.iter().cloned();
        let requests: Vec<_> = requests
            .map(|blob| self.clone().delete_unless_written(blob))
            .collect();
        let mut deleted = stream::iter(requests).buffer_unordered(PARALLEL);
        let mut gone = 0;
        while let Some(is_gone) = deleted.next().await {
            let is_gone = is_gone.map_err(|failure| StagingError::Delete {
                source: failure.into(),
            });
            gone += u64::from(is_gone?);
        }
        Ok(gone)
    }

    /// Deletes a blob that is as old as it was; whether it is gone.
    async fn delete_unless_written(self, blob: StoredBlob) -> Result<bool, Failure> {
        let options = BlobClientDeleteOptions {
            if_unmodified_since: Some(blob.modified.into()),
            ..BlobClientDeleteOptions::default()
        };
        let client = self.client(&blob.key);
        match self.call(client.delete(Some(options))).await {
            Ok(_) => Ok(true),
            Err(failure) => match failure.problem {
                Problem::NoBlob => Ok(true),
                Problem::Exists => Ok(false),
                _ => Err(failure),
            },
        }
    }

    pub(crate) async fn refresh(&self, blob: &Blob) -> Result<(), StagingError> {
        check_key(&blob.key)?;
        let touched = self.touch(&self.client(&blob.key)).await;
        touched.map_err(|failure| StagingError::Write {
            source: failure.into(),
        })
    }

    /// Makes a blob as old as if it had just been written: setting its metadata does, also to none.
    pub(super) async fn touch(&self, client: &BlobClient) -> Result<(), Failure> {
        let nothing = HashMap::new();
        let touched = self.call(client.set_metadata(&nothing, None)).await;
        touched.map(drop)
    }

    pub(crate) async fn keep(&self, blob: &Blob) -> Result<Blob, StagingError> {
        check_key(&blob.key)?;
        let key = kept_key(&blob.key);
        if key != blob.key {
            let copied = self.copy(&blob.key, &key).await;
            copied.map_err(|failure| StagingError::Keep {
                source: failure.into(),
            })?;
        }
        Ok(Blob {
            key,
            ..blob.clone()
        })
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let client = self.client(to);
        let options = BlobClientStartCopyFromUrlOptions {
            if_none_match: Some("*".into()),
            ..BlobClientStartCopyFromUrlOptions::default()
        };
        let source = self.source_of(from).into();
        let started = self.call(client.start_copy_from_url(source, Some(options)));
        if let Err(failure) = started.await {
            match failure.problem {
                // The original may be gone because the copy was there.
                Problem::Exists | Problem::NoBlob => {
                    self.touch(&client).await.map_err(|_| failure)?;
                }
                _ => return Err(failure),
            }
        }
        // Also when it was there: somebody else's copy may still go on.
        self.call(async {
            loop {
                let found = client.get_properties(None).await?;
                match found.copy_status()? {
                    Some(CopyStatus::Pending) => tokio::time::sleep(LOOK).await,
                    Some(CopyStatus::Failed | CopyStatus::Aborted) => {
                        // What is left of it would pass for a copy the next time.
                        client.delete(None).await?;
                        return Err(ErrorKind::Other.into_error());
                    }
                    _ => return Ok(()),
                }
            }
        })
        .await
    }
}

fn stored(item: BlobItem) -> Option<StoredBlob> {
    let properties = item.properties?;
    Some(StoredBlob {
        key: item.name?,
        size: properties.content_length?,
        modified: properties.last_modified?.into(),
    })
}
