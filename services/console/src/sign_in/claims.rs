//! What a token says, and whether it says it to us ("OpenID Connect Core 1.0", 3.1.3.7; RFC 7519; RFC
//! 8725).

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

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.microsoftonline.com/a-tenant/v2.0";
    const NOW: i64 = 1_750_000_000;

    /// A key pair of the issuer.
    struct Pair(EcdsaKeyPair);

    impl Pair {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn public(&self) -> Key {
            let point = self.0.public_key().as_ref();
            serde_json::from_value(json!({
                "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
                "x": BASE64URL_NOPAD.encode(&point[1..33]),
                "y": BASE64URL_NOPAD.encode(&point[33..]),
            }))
            .unwrap()
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
            let text = format!("{}.{}", part(header), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
            format!("{text}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
        }
    }

    fn header() -> Value {
        json!({ "alg": "ES256", "kid": "1" })
    }

    fn good() -> Value {
        json!({
            "iss": ISSUER, "aud": "console", "sub": "ann", "tid": "a-tenant", "nonce": "n",
            "iat": NOW, "nbf": NOW, "exp": NOW + 3_600, "roles": ["Viewer"],
        })
    }

    fn read(token: &str, key: &Key, nonce: Option<&str>) -> Result<Claims, TokenError> {
        let expected = Expected {
            issuer: ISSUER,
            client: "console",
            nonce,
            now: NOW,
        };
        Token::parse(token)?.claims(key, &expected)
    }

    /// What becomes of a token with this claim changed; null takes it away.
    fn with(claim: &str, value: Value) -> Result<Claims, TokenError> {
        let pair = Pair::new();
        let mut claims = good();
        claims[claim] = value;
        if claims[claim].is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        read(&pair.token(&header(), &claims), &pair.public(), Some("n"))
    }

    #[test]
    fn a_good_token_says_who_somebody_is() {
        let claims = with("name", json!("Ann")).unwrap();

        assert_eq!(claims.text("sub"), Some("ann"));
        assert_eq!(claims.texts("roles"), ["Viewer"]);
    }

    #[test]
    fn a_token_of_another_issuer_or_for_another_application_is_refused() {
        for (claim, value) in [
            ("iss", json!("https://evil.example")),
            ("iss", json!(format!("{ISSUER}/"))),
            ("iss", Value::Null),
            ("aud", json!("another")),
            ("aud", json!("api://console")),
            ("aud", json!([])),
            ("aud", Value::Null),
            // Made for somebody else, too, who could have passed it on.
            ("aud", json!(["console", "another"])),
            ("azp", json!("another")),
            ("tid", json!("another-tenant")),
            ("tid", Value::Null),
            ("nonce", json!("another")),
            ("nonce", Value::Null),
            ("sub", json!("")),
            ("sub", Value::Null),
        ] {
            let refused = with(claim, value).unwrap_err();
            assert!(
                matches!(refused, TokenError::Other(_)),
                "{claim}: {refused}"
            );
        }
    }

    #[test]
    fn a_token_is_good_between_its_times_alone() {
        for (claim, value) in [
            ("exp", json!(NOW - 600)),
            ("exp", Value::Null),
            ("nbf", json!(NOW + 600)),
            ("iat", json!(NOW + 600)),
        ] {
            assert_eq!(with(claim, value).unwrap_err(), TokenError::Time, "{claim}");
        }
        assert_eq!(
            with("exp", json!("never")).unwrap_err(),
            TokenError::Malformed
        );
        // Clocks differ by a minute.
        assert!(with("exp", json!(NOW - 60)).is_ok());
        assert!(with("nbf", json!(NOW + 60)).is_ok());
    }

    #[test]
    fn a_token_that_nobody_or_somebody_else_has_signed_is_refused() {
        let (pair, other) = (Pair::new(), Pair::new());
        let (key, signed) = (pair.public(), pair.token(&header(), &good()));
        let text = signed.rsplit_once('.').unwrap().0;
        let refused = |token: &str| read(token, &key, Some("n")).unwrap_err();

        assert_eq!(
            refused(&other.token(&header(), &good())),
            TokenError::Signature
        );
        assert_eq!(refused(&format!("{text}.")), TokenError::Signature);
        for algorithm in ["none", "None", "HS256", "RS256", "ES384", ""] {
            let header = json!({ "alg": algorithm, "kid": "1" });
            assert_eq!(
                refused(&pair.token(&header, &good())),
                TokenError::Signature,
                "{algorithm}"
            );
        }
        let critical = json!({ "alg": "ES256", "kid": "1", "crit": ["b64"], "b64": false });
        assert_eq!(
            refused(&pair.token(&critical, &good())),
            TokenError::Malformed
        );
        for token in ["", ".", "..", "a.b.c", text, &"a".repeat(LONGEST + 1)] {
            assert_eq!(refused(token), TokenError::Malformed);
        }
    }

    #[test]
    fn what_an_id_token_says_is_changed_by_nobody() {
        let pair = Pair::new();
        let signed = pair.token(&header(), &good());
        let mut claims = good();
        claims["roles"] = json!(["Data Connector Admin", "Mailbox Import Export"]);
        let claims = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
        let parts: Vec<_> = signed.split('.').collect();

        let forged = format!("{}.{claims}.{}", parts[0], parts[2]);

        assert_eq!(
            read(&forged, &pair.public(), Some("n")).unwrap_err(),
            TokenError::Signature
        );
    }

    #[test]
    fn an_id_token_opens_no_api() {
        let pair = Pair::new();
        let access = |claims: &Value| read(&pair.token(&header(), claims), &pair.public(), None);
        let mut claims = good();

        assert_eq!(access(&claims).unwrap_err(), TokenError::Other("nonce"));

        claims.as_object_mut().unwrap().remove("nonce");
        assert!(access(&claims).is_ok());
        // As Entra ID names an application's API.
        claims["aud"] = json!("api://console");
        assert!(access(&claims).is_ok());
    }

    #[test]
    fn a_key_for_something_else_signs_no_tokens() {
        let pair = Pair::new();
        let signed = pair.token(&header(), &good());
        let point = pair.0.public_key().as_ref().to_vec();
        for (name, value) in [
            ("use", "enc"),
            ("alg", "ES384"),
            ("kty", "oct"),
            ("crv", "P-384"),
        ] {
            let mut key = json!({
                "kty": "EC", "crv": "P-256",
                "x": BASE64URL_NOPAD.encode(&point[1..33]), "y": BASE64URL_NOPAD.encode(&point[33..]),
            });
            key[name] = json!(value);
            let key: Key = serde_json::from_value(key).unwrap();
            assert_eq!(
                read(&signed, &key, Some("n")).unwrap_err(),
                TokenError::Signature,
                "{name}"
            );
        }
    }
}
