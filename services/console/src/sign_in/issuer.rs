use std::{error::Error, time::Duration};

use chatkeep_runtime::secret::{self, Secret};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, RequestBuilder, Url, redirect};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};
use tokio::{sync::Mutex, time::Instant};

use super::{
    SignInError,
    claims::{Claims, Expected, Token, TokenError},
    keys::Keys,
    origin::{Origin, is_loopback},
};
use crate::Settings;

/// How long to wait for the issuer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long somebody who signs out waits for it.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);
/// The page that the issuer sends back to after signing out.
pub(super) const SIGNED_OUT: &str = "/signed-out";
/// How long its description is good.
const LAST: Duration = Duration::from_hours(1);
/// The largest answer that is read, bytes.
const LARGEST: usize = 1 << 20;

/// Who signs users in: an OpenID provider ("OpenID Connect Core 1.0", "OpenID Connect Discovery 1.0").
pub(super) struct Issuer {
    http: Client,
    identifier: String,
    client: String,
    secret: Option<Secret>,
    pub(super) redirect: String,
    pub(super) roles_claim: String,
    description: Mutex<Option<(Description, Instant)>>,
    keys: Keys,
}

/// What an issuer says about itself.
#[derive(Clone, Debug, Deserialize)]
struct Description {
    issuer: String,
    #[serde(deserialize_with = "address")]
    authorization_endpoint: Url,
    #[serde(deserialize_with = "address")]
    token_endpoint: Url,
    #[serde(deserialize_with = "address")]
    jwks_uri: Url,
    /// "OpenID Connect RP-Initiated Logout 1.0", 2.1. Not every issuer has one.
    #[serde(default, deserialize_with = "address_if_any")]
    end_session_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(de::Error::custom)
}

/// One that cannot be gone to is as none: it keeps nobody from signing in.
fn address_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| Url::parse(&text).ok()))
}

fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}

/// What ties a browser's way to the issuer and back together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Journey {
    pub(super) state: String,
    pub(super) nonce: String,
    /// Of PKCE (RFC 7636).
    pub(super) verifier: String,
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
}

/// Reads a JSON answer. What it says instead is logged nowhere: it may quote the request.
pub(super) async fn fetch<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, TokenError> {
    let mut answer = request.send().await.map_err(|error| {
        tracing::warn!(
            error = &error.without_url() as &dyn Error,
            "issuer not asked"
        );
        TokenError::Issuer
    })?;
    if !answer.status().is_success() {
        tracing::warn!(status = answer.status().as_u16(), "issuer refuses");
        return Err(TokenError::Issuer);
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| TokenError::Issuer)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST {
            return Err(TokenError::Issuer);
        }
    }
    serde_json::from_slice(&body).map_err(|_| TokenError::Issuer)
}

fn wrong(key: &'static str, problem: &'static str) -> SignInError {
    SignInError::Setting { key, problem }
}

impl Issuer {
    pub(super) fn new(settings: &Settings, origin: &Origin) -> Result<Self, SignInError> {
        let issuer = settings.issuer.clone().unwrap_or_default();
        let url = Url::parse(&issuer).map_err(|_| wrong("issuer", "give its address"))?;
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(wrong("issuer", "must begin with https://"));
        }
        let id = settings.client_id.clone();
        let id = id.filter(|id| !id.is_empty());
        let secret = settings.client_secret.as_ref().map(secret::read);
        let secret = secret.transpose();
        let http = Client::builder()
            .timeout(PATIENCE)
            // Who is asked is said by the issuer's description alone.
            .redirect(redirect::Policy::none())
            .build();
        Ok(Self {
            http: http.map_err(|source| SignInError::Client { source })?,
            identifier: issuer,
            client: id.ok_or_else(|| {
                wrong("client_id", "is missing: give the id that the issuer knows")
            })?,
            secret: secret.map_err(|source| SignInError::Secret { source })?,
            redirect: format!("{}/sign-in/callback", origin.text()),
            roles_claim: settings.roles_claim.clone(),
            description: Mutex::default(),
            keys: Keys::default(),
        })
    }

    /// Whether an answer's `iss` is ours (RFC 9207, 2.4).
    pub(super) fn is(&self, issuer: &str) -> bool {
        self.identifier == issuer
    }

    /// Where to send a browser.
    pub(super) async fn entrance(
        &self,
        journey: &Journey,
        challenge: &str,
    ) -> Result<Url, TokenError> {
        let mut url = self.description().await?.authorization_endpoint;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("client_id", &self.client)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", "openid profile")
            .append_pair("state", &journey.state)
            .append_pair("nonce", &journey.nonce)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Where to send a browser to be signed out at the issuer, too ("OpenID Connect RP-Initiated Logout 1.0",
    /// 2): `None` where the issuer has no such place, or does not say in time.
    pub(super) async fn exit(&self, origin: &Origin) -> Option<Url> {
        let description = tokio::time::timeout(SHORT_PATIENCE, self.description()).await;
        let url = description.ok()?.ok()?.end_session_endpoint;
        let mut url = url.filter(is_safe)?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.client)
            .append_pair(
                "post_logout_redirect_uri",
                &format!("{}{SIGNED_OUT}", origin.text()),
            );
        Some(url)
    }

    /// What the ID token says that a code is good for.
    pub(super) async fn redeem(&self, code: &str, journey: &Journey) -> Result<Claims, TokenError> {
        let description = self.description().await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("client_id", &self.client),
            ("code_verifier", &journey.verifier),
        ];
        let mut request = self.http.post(description.token_endpoint);
        let takes = |method: &str| {
            let methods = &description.token_endpoint_auth_methods_supported;
            methods.iter().any(|known| known == method)
        };
        if let Some(secret) = &self.secret {
            if takes("client_secret_post") {
                form.push(("client_secret", secret.expose()));
            } else {
                // Both are encoded before they are put together (RFC 6749, 2.3.1).
                let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                let secret = encode(secret.expose());
                request = request.basic_auth(encode(&self.client), Some(secret));
            }
        }
        let granted: Granted = fetch(request.form(&form)).await?;
        self.verify(&granted.id_token, Some(&journey.nonce)).await
    }

    /// What an access token says that came with a request.
    pub(super) async fn bearer(&self, token: &str) -> Result<Claims, TokenError> {
        self.verify(token, None).await
    }

    async fn verify(&self, token: &str, nonce: Option<&str>) -> Result<Claims, TokenError> {
        let token = Token::parse(token)?;
        let keys = self.description().await?.jwks_uri;
        let key = self.keys.find(&self.http, &keys, token.key()).await?;
        let expected = Expected {
            issuer: &self.identifier,
            client: &self.client,
            nonce,
            now: jiff::Timestamp::now().as_second(),
        };
        token.claims(&key, &expected)
    }

    async fn description(&self) -> Result<Description, TokenError> {
        let mut held = self.description.lock().await;
        if let Some((description, since)) = held.as_ref()
            && since.elapsed() < LAST
        {
            return Ok(description.clone());
        }
        let issuer = self.identifier.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let description: Description = fetch(self.http.get(address)).await?;
        let endpoints = [
            &description.authorization_endpoint,
            &description.token_endpoint,
            &description.jwks_uri,
        ];
        let is_ours = description.issuer == self.identifier;
        if !is_ours || !endpoints.into_iter().all(is_safe) {
            tracing::warn!("the issuer's description is another one's, or not https");
            return Err(TokenError::Issuer);
        }
        *held = Some((description.clone(), Instant::now()));
        Ok(description)
    }
}
