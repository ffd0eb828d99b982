//! The way to the issuer and back. What ties both ends together is in a cookie of the browser that went, so
//! any process can take it up again, and another browser cannot.

use axum::http::HeaderValue;
use data_encoding::BASE64URL_NOPAD;
use http::HeaderMap;
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    SignInError,
    claims::{Claims, TokenError},
    issuer::{Issuer, Journey},
    random,
    session::{cookie, remove_cookie, set_cookie},
};

/// Name of the cookie, without prefix.
const JOURNEY: &str = "chatkeep-journey";

/// What the issuer sends a browser back with (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize)]
pub(super) struct Return {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
}

/// Why somebody who comes back is not signed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReturnError {
    #[error("the issuer did not sign in")]
    Refused,
    #[error("the answer is to another question")]
    Mismatch,
    #[error(transparent)]
    Token(TokenError),
}

impl Journey {
    pub(super) fn new() -> Result<Self, SignInError> {
        Ok(Self {
            state: random::token()?,
            nonce: random::token()?,
            verifier: random::token()?,
        })
    }

    /// What the issuer is told of the verifier (RFC 7636, 4.2).
    pub(super) fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(&self.verifier))
    }

    fn read(text: &str) -> Option<(Self, String)> {
        let mut parts = text.split('.').map(str::to_owned);
        let journey = Self {
            state: parts.next()?,
            nonce: parts.next()?,
            verifier: parts.next()?,
        };
        let to = BASE64URL_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
        let to = String::from_utf8(to).ok()?;
        (parts.next().is_none()).then_some((journey, to))
    }
}

/// The page to go to afterwards, if it is one of ours: anything else would send people who trust the
/// console's address elsewhere.
pub(super) fn own_page(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//");
    let is_plain = to
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain && to.len() < 1_000 {
        to
    } else {
        "/"
    }
}

/// Where to send a browser to be signed in, and the cookie it takes along.
pub(super) async fn depart(
    issuer: &Issuer,
    to: &str,
    is_secure: bool,
) -> Result<(Url, Option<HeaderValue>), TokenError> {
    let journey = Journey::new().map_err(|_| TokenError::Issuer)?;
    let url = issuer.entrance(&journey, &journey.challenge()).await?;
    let to = BASE64URL_NOPAD.encode(own_page(to).as_bytes());
    let Journey {
        state,
        nonce,
        verifier,
    } = journey;
    let journey = format!("{state}.{nonce}.{verifier}.{to}");
    let cookie = set_cookie(JOURNEY, &journey, is_secure);
    Ok((url, cookie))
}

/// Who comes back, and the page they wanted to see.
pub(super) async fn arrive(
    issuer: &Issuer,
    headers: &HeaderMap,
    back: &Return,
    is_secure: bool,
) -> Result<(Claims, String), ReturnError> {
    let journey = cookie(headers, JOURNEY, is_secure);
    let journey = journey.and_then(|journey| Journey::read(&journey));
    let (journey, to) = journey.ok_or(ReturnError::Mismatch)?;
    let state = back.state.as_deref().unwrap_or_default();
    let is_from = back.iss.as_deref().is_none_or(|from| issuer.is(from));
    if !random::is_equal(state, &journey.state) || !is_from {
        return Err(ReturnError::Mismatch);
    }
    let code = back.code.as_deref().ok_or(ReturnError::Refused)?;
    let claims = issuer.redeem(code, &journey).await;
    Ok((claims.map_err(ReturnError::Token)?, to))
}

/// Takes the cookie away: a journey ends once.
pub(super) fn ended(is_secure: bool) -> Option<HeaderValue> {
    remove_cookie(JOURNEY, is_secure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for other in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "evil",
            "",
        ] {
            assert_eq!(own_page(other), "/");
        }
        assert_eq!(own_page("/connectors?page=2"), "/connectors?page=2");
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let journey = Journey {
            state: String::new(),
            nonce: String::new(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
        };
        assert_eq!(
            journey.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
