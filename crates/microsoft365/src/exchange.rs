//! Asks Entra ID for a token: the client credentials flow ("Microsoft identity platform and the OAuth 2.0
//! client credentials flow"; RFC 6749, 4.4), one form for all three ways to prove who asks.

use std::time::Duration;

use chatkeep_model::connector::{Credential, Proof, SecretRef};
use chatkeep_runtime::secret::{self, Secret};
use http::StatusCode;
use reqwest::Client;
use serde::Deserialize;

use crate::{AuthError, assertion::Signer};

/// The file with the service account's token, as Azure's webhook for workload identities names it.
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
/// A JSON Web Token proves who the client is (RFC 7523, 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Gets tokens for one application.
pub(crate) struct Exchange {
    pub(crate) http: Client,
    url: String,
    client: String,
    proof: Ready,
}

/// A proof, read and found usable.
enum Ready {
    Certificate(Signer),
    Secret(Secret),
    /// Kubernetes replaces the token in the file every hour: it is read anew each time.
    TokenFile(SecretRef),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

#[derive(Default, Deserialize)]
struct Denied {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_codes: Vec<u32>,
}

impl Exchange {
    pub(crate) fn new(credential: &Credential, http: Client) -> Result<Self, AuthError> {
        let Credential {
            tenant,
            client,
            proof,
            authority,
        } = credential;
        let url = format!("{authority}/{tenant}/oauth2/v2.0/token");
        let proof = match proof {
            Proof::Certificate(pem) => Ready::Certificate(Signer::new(&read(pem)?, client, &url)?),
            Proof::Secret(reference) => Ready::Secret(read(reference)?),
            Proof::WorkloadIdentity => {
                let file = read(&SecretRef::Env(TOKEN_FILE.to_owned()))?;
                let file = SecretRef::File(file.expose().into());
                read(&file)?;
                Ready::TokenFile(file)
            }
        };
        Ok(Self {
            http,
            url,
            client: client.clone(),
            proof,
        })
    }

    /// A new token, and how long it lasts.
    pub(crate) async fn token(&self, scope: &str) -> Result<(Secret, Duration), AuthError> {
        let (name, proof) = match &self.proof {
            Ready::Certificate(signer) => ("client_assertion", signer.sign()?),
            Ready::Secret(secret) => ("client_secret", secret.clone()),
            Ready::TokenFile(file) => ("client_assertion", read(file)?),
        };
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.client),
            ("scope", scope),
            (name, proof.expose()),
        ];
        if name == "client_assertion" {
            form.push(("client_assertion_type", ASSERTION_TYPE));
        }
        let answer = self.http.post(&self.url).form(&form).send().await;
        let answer = answer.map_err(|_| AuthError::Unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|_| AuthError::Unreachable)?;
        if status.is_success() {
            let granted: Granted = serde_json::from_slice(&body).map_err(|_| AuthError::Answer)?;
            let lasts = Duration::from_secs(granted.expires_in);
            return Ok((Secret::new(granted.access_token), lasts));
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(AuthError::Unreachable);
        }
        Err(refused(&body))
    }
}

/// Entra ID's name and number of an error. Its description is left out: it may say who asked for what.
fn refused(body: &[u8]) -> AuthError {
    let Ok(denied) = serde_json::from_slice::<Denied>(body) else {
        return AuthError::Answer;
    };
    AuthError::Refused {
        code: crate::failure::plain(&denied.error),
        number: denied.error_codes.first().copied(),
    }
}

fn read(reference: &SecretRef) -> Result<Secret, AuthError> {
    secret::read(reference).map_err(|source| AuthError::Setup {
        source: source.into(),
    })
}
