//! Signing in with a token.

use std::{fs, path::Path, sync::Arc, time::Duration};

use chatkeep_staging::{AzureSettings, BlobKind, Credential, Settings, Staging, StagingError};
use chatkeep_testkit::{Azurite, LabError, TokenIssuer};

use crate::world::{container_name, shared};

/// A server that takes tokens, and who gives them.
struct Servers {
    azurite: Azurite,
    issuer: TokenIssuer,
}

impl Servers {
    fn start() -> Result<Self, LabError> {
        let azurite = Azurite::start_for_tokens()?;
        let issuer = TokenIssuer::start(&azurite)?;
        Ok(Self { azurite, issuer })
    }
}

struct Lab {
    servers: Arc<Servers>,
    container: String,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let servers = shared(Servers::start).await;
        Self {
            container: servers.azurite.container(&container_name()),
            servers,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn connect(&self, credential: Credential) -> Result<Staging, StagingError> {
        let settings = AzureSettings {
            url: self.container.clone(),
            credential,
            authority: Some(self.servers.issuer.address()),
            ca: Some(self.servers.azurite.ca()),
            create: true,
            spool: None,
            timeout: Duration::from_mins(1),
        };
        Staging::connect(&Settings::Azure(Box::new(settings))).await
    }

    fn client_secret(&self, secret: &str) -> Credential {
        Credential::ClientSecret {
            tenant: TokenIssuer::TENANT.to_owned(),
            client: "an application".to_owned(),
            secret: self.file(secret),
        }
    }

    fn file<T: TryFrom<String, Error: std::fmt::Debug>>(&self, text: &str) -> T {
        let file = self.folder.path().join(format!("{}", text.len()));
        fs::write(&file, text).unwrap();
        format!("file:{}", file.display()).try_into().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_signs_in_with_its_secret() {
    let lab = Lab::new().await;

    let staging = lab.connect(lab.client_secret(TokenIssuer::SECRET)).await;

    let staging = staging.unwrap();
    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();
    let kept = staging.keep(&blob).await.unwrap();
    assert_eq!(staging.get(&kept).await.unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_account_signs_in_with_its_token() {
    let lab = Lab::new().await;
    let token_file = lab.folder.path().join("token");
    fs::write(&token_file, TokenIssuer::SECRET).unwrap();
    let identity = |token_file: &Path| Credential::WorkloadIdentity {
        client: Some("an identity".to_owned()),
        tenant: Some(TokenIssuer::TENANT.to_owned()),
        token_file: Some(token_file.to_owned()),
    };

    let staging = lab.connect(identity(&token_file)).await.unwrap();
    let missing = lab.connect(identity(&lab.folder.path().join("none"))).await;

    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();
    assert_eq!(staging.get(&blob).await.unwrap(), "hello");
    assert!(
        matches!(missing, Err(StagingError::Settings { .. })),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_says_so_with_entras_number_and_without_the_secret() {
    let lab = Lab::new().await;

    let error = lab
        .connect(lab.client_secret("a wrong secret"))
        .await
        .unwrap_err();

    let StagingError::Open { source } = &error else {
        panic!("{error:?}");
    };
    let expected = format!("no token for {} (AADSTS7000215)", lab.container);
    assert_eq!(source.to_string(), expected);
    assert_eq!(source.kind(), std::io::ErrorKind::HostUnreachable);
    assert!(!format!("{error:?}").contains("a wrong secret"));
}

#[tokio::test]
async fn a_token_is_not_sent_in_the_clear() {
    let settings = AzureSettings {
        url: "http://contoso.blob.core.windows.net/archive".to_owned(),
        credential: Credential::default(),
        authority: None,
        ca: None,
        create: true,
        spool: None,
        timeout: Duration::from_secs(1),
    };

    let refused = Staging::connect(&Settings::Azure(Box::new(settings))).await;

    assert!(
        matches!(refused, Err(StagingError::Settings { key: "url", .. })),
        "{refused:?}"
    );
}
