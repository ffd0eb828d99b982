//! Staging in a container of Azure Blob Storage.

mod account;
mod failure;
mod inventory;
mod read;
mod span;
mod transport;
mod window;
mod write;

pub(crate) use window::WindowReader;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use azure_core::http::Url;
use azure_storage_blob::{BlobClient, BlobContainerClient};
use tokio::time::timeout;

use self::failure::{Failure, Problem};
use crate::{AzureSettings, StagingError, blocking::blocking, inventory::KEPT};

/// Requests of one call that are in flight at the same time.
const PARALLEL: usize = 4;

/// Largest stretch that one request carries. With [`PARALLEL`] it bounds the memory of a call.
const STRETCH: u64 = 4 << 20;

/// Staging in a container.
#[derive(Clone)]
pub(crate) struct Azure(Arc<Inner>);

struct Inner {
    container: BlobContainerClient,
    /// The container's address as errors show it: without a signature.
    name: Arc<str>,
    /// The shared access signature, for the source of a copy.
    sas: Option<String>,
    spool: PathBuf,
    timeout: Duration,
}

impl Azure {
    /// Signs in, and makes the container where it is missing and that is wanted.
    pub(crate) async fn connect(settings: &AzureSettings) -> Result<Self, StagingError> {
        let account = account::open(settings)?;
        let spool = settings.spool.clone().unwrap_or_else(std::env::temp_dir);
        let folder = spool.clone();
        let made = blocking(move || fs::create_dir_all(folder)).await;
        made.map_err(|source| StagingError::Open { source })?;
        let azure = Self(Arc::new(Inner {
            container: account.container,
            name: account.name.into(),
            sas: account.sas,
            spool,
            timeout: settings.timeout,
        }));
        let found = azure.find_container(settings.create).await;
        found.map_err(|failure| StagingError::Open {
            source: failure.into(),
        })?;
        Ok(azure)
    }

    /// Asks for a blob that is not there: reading is what every credential of ours allows, and the answer
    /// tells whether the container exists.
    async fn find_container(&self, create: bool) -> Result<(), Failure> {
        let probe = self.client(&format!("{KEPT}probe"));
        match self.call(probe.get_properties(None)).await {
            Ok(_) => Ok(()),
            Err(failure) => match failure.problem {
                Problem::NoBlob => Ok(()),
                Problem::NoContainer if create => self.make_container(failure).await,
                _ => Err(failure),
            },
        }
    }

    async fn make_container(&self, missing: Failure) -> Result<(), Failure> {
        match self.call(self.0.container.create(None)).await {
            Ok(_) => Ok(()),
            Err(failure) => match failure.problem {
                Problem::Exists => Ok(()),
                Problem::Refused { .. } => Err(missing.with(Problem::MayNotMake)),
                _ => Err(failure),
            },
        }
    }

    fn client(&self, key: &str) -> BlobClient {
        self.0.container.blob_client(key)
    }

    fn spool_folder(&self) -> &Path {
        &self.0.spool
    }

    /// The address of a blob as the source of a copy.
    fn source_of(&self, key: &str) -> Url {
        let mut url = self.client(key).url().clone();
        url.set_query(self.0.sas.as_deref());
        url
    }

    /// Waits for an answer, but not for ever, and says what a failure means.
    async fn call<T>(
        &self,
        request: impl Future<Output = azure_core::Result<T>>,
    ) -> Result<T, Failure> {
        let answer = timeout(self.0.timeout, request).await;
        let problem = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Problem::of(&error),
            Err(_) => Problem::NoAnswer,
        };
        Err(Failure {
            container: Arc::clone(&self.0.name),
            problem,
        })
    }
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Azure").field(&self.0.name).finish()
    }
}
