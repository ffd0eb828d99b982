//! Signatures, tokens and secrets never leave the process in words.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use chatkeep_staging::{AzureSettings, BlobKind, Settings, Staging, StagingError};
use chatkeep_testkit::Azurite;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Secrets, container_name, shared};

/// What was logged about addresses with a signature, at every level, by every library, in every test of
/// this process.
#[derive(Clone)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn start() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self(Arc::default());
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_writer(log.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
            log
        });
        log.clone()
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if line.contains("sig=") {
            let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The part of a signature that is secret.
fn secret(sas: &str) -> &str {
    sas.split_once("sig=").unwrap().1
}

async fn open(settings: AzureSettings) -> Result<Staging, StagingError> {
    Staging::connect(&Settings::Azure(Box::new(settings))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_signature_is_refused_without_being_shown() {
    let log = Log::start();
    let server = shared(Azurite::start).await;
    let url = server.container(&container_name());
    let sas = Azurite::forged_sas();

    let secrets = Secrets::new();
    let error = open(secrets.settings(&url, &sas)).await.unwrap_err();

    let StagingError::Open { source } = &error else {
        panic!("{error:?}");
    };
    // The service itself says AuthenticationFailed.
    let expected = format!("{url} refuses the credential (403 AuthorizationFailure)");
    assert_eq!(source.to_string(), expected);
    assert!(!format!("{error:?}").contains(secret(&sas)));
    // The libraries were heard, and said nothing.
    assert!(log.text().contains(&url));
    assert!(!log.text().contains(secret(&sas)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_not_shown_by_what_goes_well_or_by_who_does_not_answer() {
    let log = Log::start();
    let server = shared(Azurite::start).await;
    let sas = Azurite::sas();
    let secrets = Secrets::new();
    let settings = |url: &str| AzureSettings {
        timeout: Duration::from_secs(2),
        ..secrets.settings(url, &sas)
    };
    let url = server.container(&container_name());
    let nobody = "http://127.0.0.1:1/chatkeep/archive";

    let staging = open(settings(&url)).await.unwrap();
    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();
    staging.keep(&blob).await.unwrap();
    let error = open(settings(nobody)).await.unwrap_err();

    assert!(!format!("{staging:?} {error:?}").contains(secret(&sas)));
    for address in [&format!("{url}/kept"), nobody] {
        assert!(log.text().contains(address), "{address}");
    }
    assert!(!log.text().contains(secret(&sas)));
}

#[tokio::test]
async fn settings_that_would_leak_or_cannot_work_are_refused() {
    let secrets = Secrets::new();
    let sas = Azurite::sas();
    let refused = async |url: &str, token: &str| match open(secrets.settings(url, token)).await {
        Err(StagingError::Settings { key, problem }) => {
            assert!(!problem.contains(secret(&sas)), "{problem}");
            key
        }
        other => panic!("{other:?}"),
    };
    let url = "https://contoso.blob.core.windows.net/archive";

    assert_eq!(refused(&format!("{url}?{sas}"), &sas).await, "url");
    assert_eq!(
        refused("https://contoso.blob.core.windows.net/", &sas).await,
        "url"
    );
    assert_eq!(refused("contoso/archive", &sas).await, "url");
    assert_eq!(refused(url, "not a signature").await, "credential");
    let foreign = format!("https://fabrikam.blob.core.windows.net/archive?{sas}");
    assert_eq!(refused(url, &foreign).await, "credential");
}

#[tokio::test]
async fn a_signature_may_be_given_as_a_whole_address() {
    let server = shared(Azurite::start).await;
    let url = server.container(&container_name());
    let secrets = Secrets::new();

    let staging = open(secrets.settings(&url, &format!("{url}?{}\n", Azurite::sas()))).await;

    staging
        .unwrap()
        .put(BlobKind::Batch, "hello")
        .await
        .unwrap();
}
