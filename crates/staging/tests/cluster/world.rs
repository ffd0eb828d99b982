use std::{
    any::Any,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chatkeep_staging::{AzureSettings, Credential, Settings, Staging};
use chatkeep_testkit::{Azurite, LabError};
use tempfile::TempDir;

use crate::contract::World;

/// A container of its own in a server that tests share.
pub(crate) struct InContainer {
    pub(crate) server: Arc<Azurite>,
    pub(crate) container: String,
    pub(crate) secrets: Secrets,
    pub(crate) staging: Staging,
}

impl InContainer {
    pub(crate) async fn new() -> Self {
        let server = shared(Azurite::start).await;
        let container = container_name();
        let secrets = Secrets::new();
        let settings = secrets.settings(&server.container(&container), &Azurite::sas());
        Self {
            staging: connect(&settings).await,
            server,
            container,
            secrets,
        }
    }

    /// The container's address.
    pub(crate) fn url(&self) -> String {
        self.server.container(&self.container)
    }
}

/// A name that no other container of this process has.
pub(crate) fn container_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("archive{:04}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A server of this kind that tests share. It ends with the last of them.
pub(crate) async fn shared<T: Send + Sync + 'static>(start: fn() -> Result<T, LabError>) -> Arc<T> {
    let started = tokio::task::spawn_blocking(move || {
        static SERVERS: Mutex<Vec<Weak<dyn Any + Send + Sync>>> = Mutex::new(Vec::new());
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let running = servers.iter().find_map(|server| {
            let server = server.upgrade()?;
            server.downcast::<T>().ok()
        });
        running.unwrap_or_else(|| {
            let server = Arc::new(start().unwrap());
            let weak: Weak<dyn Any + Send + Sync> = Arc::downgrade(&server) as _;
            servers.push(weak);
            server
        })
    });
    started.await.unwrap()
}

pub(crate) async fn connect(settings: &AzureSettings) -> Staging {
    let settings = Settings::Azure(Box::new(settings.clone()));
    Staging::connect(&settings).await.unwrap()
}

/// A folder for what settings refer to.
pub(crate) struct Secrets(TempDir);

impl Secrets {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn settings(&self, url: &str, sas: &str) -> AzureSettings {
        let file: PathBuf = self.0.path().join("sas");
        fs::write(&file, sas).unwrap();
        AzureSettings {
            url: url.to_owned(),
            credential: Credential::Sas {
                token: format!("file:{}", file.display()).try_into().unwrap(),
            },
            authority: None,
            ca: None,
            create: true,
            spool: None,
            timeout: Duration::from_mins(1),
        }
    }
}

impl World for InContainer {
    fn staging(&self) -> &Staging {
        &self.staging
    }

    async fn another(&self) -> Staging {
        let settings = self.secrets.settings(&self.url(), &Azurite::sas());
        connect(&settings).await
    }

    fn overwrite(&self, key: &str, bytes: &[u8]) {
        self.server.overwrite(&self.container, key, bytes).unwrap();
    }

    fn erase(&self, key: &str) {
        self.server.erase(&self.container, key).unwrap();
    }
}
