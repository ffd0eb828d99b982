use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chatkeep_staging::{AzureSettings, Credential, Settings, Staging};
use chatkeep_testkit::Azurite;
use tempfile::TempDir;

use crate::contract::World;

/// A container of its own in a server that tests share.
pub(crate) struct InContainer {
    server: Arc<Azurite>,
    container: String,
    secrets: Secrets,
    staging: Staging,
}

impl InContainer {
    pub(crate) async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let container = format!("c{:06}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = tokio::task::spawn_blocking(shared_server).await.unwrap();
        let secrets = Secrets::new();
        let settings = secrets.settings(&server.container(&container), &Azurite::sas());
        Self {
            staging: connect(&settings).await,
            server,
            container,
            secrets,
        }
    }
}

/// The server of the tests that run now. It ends with the last of them.
fn shared_server() -> Arc<Azurite> {
    static SERVER: Mutex<Weak<Azurite>> = Mutex::new(Weak::new());
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Azurite::start().unwrap());
        *shared = Arc::downgrade(&server);
        server
    })
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
        let url = self.server.container(&self.container);
        connect(&self.secrets.settings(&url, &Azurite::sas())).await
    }

    fn overwrite(&self, key: &str, bytes: &[u8]) {
        self.server.overwrite(&self.container, key, bytes).unwrap();
    }

    fn erase(&self, key: &str) {
        self.server.erase(&self.container, key).unwrap();
    }
}
