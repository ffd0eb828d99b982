use std::sync::Arc;

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Url},
};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use chatkeep_model::connector::SecretRef;
use chatkeep_runtime::secret;

use super::transport;
use crate::{AzureSettings, Credential, StagingError};

/// The way into a container.
pub(super) struct Account {
    pub(super) container: BlobContainerClient,
    /// The container's address, without a signature.
    pub(super) name: String,
    pub(super) sas: Option<String>,
}

/// Makes the client of a container. Sends nothing yet.
pub(super) fn open(settings: &AzureSettings) -> Result<Account, StagingError> {
    let url = address(&settings.url)?;
    let authorities = match &settings.ca {
        Some(file) => transport::authorities(file).map_err(|error| ca_error(&error))?,
        None => Vec::new(),
    };
    let options = || {
        let options = transport::options(settings.timeout, &authorities);
        options.map_err(|error| ca_error(&error))
    };
    let mut signed = url.clone();
    let mut token = None;
    let mut sas = None;
    match &settings.credential {
        Credential::Sas { token: reference } => {
            let signature = signature(&url, reference)?;
            signed.set_query(Some(&signature));
            sas = Some(signature);
        }
        _ if url.scheme() != "https" => {
            return Err(url_error("a token is sent over https only"));
        }
        credential => {
            let options = ClientOptions {
                cloud: settings.authority.as_deref().map(cloud),
                ..options()?
            };
            token = Some(token_credential(credential, options)?);
        }
    }
    let options = BlobContainerClientOptions {
        client_options: options()?,
        ..BlobContainerClientOptions::default()
    };
    let container = BlobContainerClient::new(signed, token, Some(options))
        .map_err(|_| url_error("not the address of a container"))?;
    Ok(Account {
        container,
        name: url.into(),
        sas,
    })
}

fn address(text: &str) -> Result<Url, StagingError> {
    let url = Url::parse(text).map_err(|error| url_error(error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(url_error("not an address of the web"));
    }
    if url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(url_error(
            "secrets are given by reference: the signature belongs into credential.token",
        ));
    }
    let mut segments = url.path_segments().into_iter().flatten();
    if segments.all(str::is_empty) {
        return Err(url_error("the address ends with the container's name"));
    }
    Ok(url)
}

/// The query of a shared access signature, which is given alone or at the end of an address.
fn signature(container: &Url, reference: &SecretRef) -> Result<String, StagingError> {
    let secret = read(reference)?;
    let secret = secret.expose().trim();
    let query = match secret.split_once('?') {
        Some(("", query)) => query,
        Some((address, query)) => {
            let is_ours = Url::parse(address).is_ok_and(|url| url.origin() == container.origin());
            if !is_ours {
                return Err(credential_error("the signature is for another account"));
            }
            query
        }
        None => secret,
    };
    if !query.split('&').any(|pair| pair.starts_with("sig=")) {
        return Err(credential_error("not a shared access signature"));
    }
    Ok(query.to_owned())
}

fn token_credential(
    credential: &Credential,
    client_options: ClientOptions,
) -> Result<Arc<dyn TokenCredential>, StagingError> {
    let made: azure_core::Result<Arc<dyn TokenCredential>> = match credential {
        Credential::WorkloadIdentity {
            client,
            tenant,
            token_file,
        } => {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: client.clone(),
                tenant_id: tenant.clone(),
                token_file_path: token_file.clone(),
            };
            WorkloadIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        Credential::ManagedIdentity { client } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                client_options,
            };
            ManagedIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        Credential::ClientSecret {
            tenant,
            client,
            secret,
        } => {
            let secret = Secret::new(read(secret)?.expose().to_owned());
            let options = ClientSecretCredentialOptions { client_options };
            ClientSecretCredential::new(tenant, client.clone(), secret, Some(options))
                .map(|made| made as _)
        }
        Credential::Sas { .. } => return Err(credential_error("a signature is no token")),
    };
    made.map_err(|error| credential_error(error.to_string()))
}

/// A cloud whose tokens come from there.
fn cloud(authority: &str) -> Arc<CloudConfiguration> {
    let mut cloud = CustomConfiguration::default();
    authority.clone_into(&mut cloud.authority_host);
    Arc::new(cloud.into())
}

fn read(reference: &SecretRef) -> Result<secret::Secret, StagingError> {
    secret::read(reference).map_err(|error| credential_error(error.to_string()))
}

fn url_error(problem: impl Into<String>) -> StagingError {
    StagingError::Settings {
        key: "url",
        problem: problem.into(),
    }
}

fn ca_error(error: &impl std::error::Error) -> StagingError {
    StagingError::Settings {
        key: "ca",
        problem: error.to_string(),
    }
}

fn credential_error(problem: impl Into<String>) -> StagingError {
    StagingError::Settings {
        key: "credential",
        problem: problem.into(),
    }
}
