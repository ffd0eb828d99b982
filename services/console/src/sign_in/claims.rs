//! What a token says, and whether it says it to us ("OpenID Connect Core 1.0", 3.1.3.7; RFC 7519; RFC
//! 8725).

#[cfg(test)]
mod tests;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::signature::Key;

/// How far the issuer's clock and ours may be apart, seconds.
const SKEW: i64 = 120;
/// No token that anybody issues is longer; it would only cost time.
const LONGEST: usize = 32 << 10;

/// Why a token is not taken. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("the token is malformed")]
    Malformed,
    #[error("the token's key is none of the issuer's")]
    Key,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is for somebody else: {0}")]
    Other(&'static str),
    #[error("the token has expired, or is not good yet")]
    Time,
    #[error("the issuer does not answer as it should")]
    Issuer,
}

/// A token, not looked into yet.
pub(super) struct Token<'a> {
    /// What is signed.
    text: &'a str,
    header: Header,
    claims: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Says that something must be understood that we do not know (RFC 7515, 4.1.11).
    crit: Option<Value>,
}

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    /// Of an ID token, what its request said; `None` of an access token, which must not have it.
    pub(super) nonce: Option<&'a str>,
    /// Unix seconds.
    pub(super) now: i64,
}

/// What a good token says.
#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

fn part<T: DeserializeOwned>(text: &str) -> Result<T, TokenError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
    let bytes = bytes.map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

impl<'a> Token<'a> {
    /// Takes a token apart (RFC 7515, 7.1).
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let malformed = || TokenError::Malformed;
        if token.len() > LONGEST {
            return Err(malformed());
        }
        let (text, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = text.split_once('.').ok_or_else(malformed)?;
        let header: Header = part(header)?;
        if header.crit.is_some() {
            return Err(malformed());
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
        Ok(Self {
            text,
            header,
            claims,
            signature: signature.map_err(|_| malformed())?,
        })
    }

    /// The id of the key it is signed with.
    pub(super) fn key(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What it says, if it is the issuer's, for us, and good now.
    pub(super) fn claims(&self, key: &Key, expected: &Expected<'_>) -> Result<Claims, TokenError> {
        if !key.has_signed(&self.header.alg, self.text.as_bytes(), &self.signature) {
            return Err(TokenError::Signature);
        }
        let claims = Claims(part(self.claims)?);
        claims.check(expected)?;
        Ok(claims)
    }
}

impl Claims {
    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is a text or a list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn check(&self, expected: &Expected<'_>) -> Result<(), TokenError> {
        if self.text("iss") != Some(expected.issuer) {
            return Err(TokenError::Other("iss"));
        }
        if self.text("sub").is_none_or(str::is_empty) {
            return Err(TokenError::Other("sub"));
        }
        let audience = self.texts("aud");
        let is_client = |name: &str| {
            // Entra ID writes an application's URI into access tokens of its first version.
            name == expected.client || name.strip_prefix("api://") == Some(expected.client)
        };
        let is_ours = |name: &&str| match expected.nonce {
            Some(_) => *name == expected.client,
            None => is_client(name),
        };
        if !audience.iter().any(is_ours) {
            return Err(TokenError::Other("aud"));
        }
        if expected.nonce.is_some() {
            let party = self.text("azp");
            let is_clear = audience.len() == 1 || party.is_some();
            if !is_clear || party.is_some_and(|party| party != expected.client) {
                return Err(TokenError::Other("azp"));
            }
        }
        // An ID token says who somebody is; it is no key to the API, though it is for us.
        let is_answer = match expected.nonce {
            Some(nonce) => self.text("nonce") == Some(nonce),
            None => !self.0.contains_key("nonce"),
        };
        if !is_answer {
            return Err(TokenError::Other("nonce"));
        }
        // The tenant stands in Entra ID's issuer, too.
        if let Some(tenant) = tenant(expected.issuer)
            && self.text("tid") != Some(tenant)
        {
            return Err(TokenError::Other("tid"));
        }
        self.check_time(expected.now)
    }

    fn check_time(&self, now: i64) -> Result<(), TokenError> {
        // Seconds, perhaps with a fraction (RFC 7519, 2).
        let time = |name: &str| match self.0.get(name) {
            None => Ok(None),
            #[expect(clippy::cast_possible_truncation, reason = "seconds of this epoch")]
            Some(value) => {
                let seconds = value.as_f64().ok_or(TokenError::Malformed)?;
                Ok(Some(seconds as i64))
            }
        };
        let expires = time("exp")?.ok_or(TokenError::Time)?;
        let begins = time("nbf")?.into_iter().chain(time("iat")?).max();
        let has_begun = begins.is_none_or(|begins| begins <= now.saturating_add(SKEW));
        if now < expires.saturating_add(SKEW) && has_begun {
            return Ok(());
        }
        Err(TokenError::Time)
    }
}

/// The tenant of one of Entra ID's issuers: `https://login.microsoftonline.com/{tenant}/v2.0`.
fn tenant(issuer: &str) -> Option<&str> {
    let path = issuer.strip_prefix("https://login.microsoftonline.")?;
    let (_, path) = path.split_once('/')?;
    path.strip_suffix("/v2.0")
}
