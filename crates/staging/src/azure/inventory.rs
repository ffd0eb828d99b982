use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_storage_blob::models::{
    BlobClientGetPropertiesResultHeaders as _, BlobClientStartCopyFromUrlOptions,
    BlobContainerClientListBlobsOptions, BlobItem, CopyStatus,
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

    pub(crate) async fn delete(&self, keys: &[String]) -> Result<(), StagingError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        let requests =
            keys.iter().map(
                async |key| match self.call(self.client(key).delete(None)).await {
                    Err(failure) if failure.problem != Problem::NoBlob => Err(failure),
                    _ => Ok(()),
                },
            );
        let deleted = stream::iter(requests).buffer_unordered(PARALLEL);
        let deleted = deleted.try_collect::<()>().await;
        deleted.map_err(|failure| StagingError::Delete {
            source: failure.into(),
        })
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
                Problem::Exists => {}
                // The original may be gone because the copy was there.
                Problem::NoBlob => {
                    let found = self.call(client.get_properties(None)).await;
                    return found.map(drop).map_err(|_| failure);
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
