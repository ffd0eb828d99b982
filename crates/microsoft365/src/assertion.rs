//! Proves with a certificate who the application is: a signed JSON Web Token ("Microsoft identity platform
//! application authentication certificate credentials"; RFC 7523, 3; RFC 7515, 4.1.8).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    rand::{self, SystemRandom},
    rsa::KeyPair,
    signature::RSA_PSS_SHA256,
};
use chatkeep_runtime::secret::Secret;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::AuthError;

/// How long an assertion can be used. It is used at once; clocks may differ by some minutes.
const LASTS: Duration = Duration::from_mins(10);
/// How far our clock may be ahead.
const SKEW: Duration = Duration::from_mins(2);

/// Signs assertions.
pub(crate) struct Signer {
    key: KeyPair,
    header: String,
    client: String,
    audience: String,
}

#[derive(Debug, thiserror::Error)]
enum SignerError {
    #[error("find a certificate in the PEM file")]
    Certificate {
        source: rustls_pki_types::pem::Error,
    },
    #[error("find a private key in the PEM file")]
    Key {
        source: rustls_pki_types::pem::Error,
    },
    #[error("use the private key: it must be one for RSA of at least 2048 bits")]
    Algorithm,
    #[error("sign")]
    Sign,
}

impl Signer {
    /// Reads a PEM text with a certificate and its RSA key, in any order. `audience` is the address that
    /// tokens are asked from.
    pub(crate) fn new(pem: &Secret, client: &str, audience: &str) -> Result<Self, AuthError> {
        let pem = pem.expose().as_bytes();
        let certificate = CertificateDer::from_pem_slice(pem)
            .map_err(|source| setup(SignerError::Certificate { source }))?;
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|source| setup(SignerError::Key { source }))?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(setup(SignerError::Algorithm)),
        };
        let thumbprint = BASE64URL_NOPAD.encode(&Sha256::digest(&certificate));
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
        Ok(Self {
            key: key.map_err(|_| setup(SignerError::Algorithm))?,
            header: encode(&header),
            client: client.to_owned(),
            audience: audience.to_owned(),
        })
    }

    /// A new assertion; none is used twice.
    pub(crate) fn sign(&self) -> Result<Secret, AuthError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| setup(SignerError::Sign))?;
        let claims = json!({
            "aud": self.audience,
            "iss": self.client,
            "sub": self.client,
            "jti": HEXLOWER.encode(&id),
            "nbf": now.saturating_sub(SKEW).as_secs(),
            "exp": (now + LASTS).as_secs(),
        });
        let text = format!("{}.{}", self.header, encode(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .key
            .sign(&RSA_PSS_SHA256, &random, text.as_bytes(), &mut signature);
        signed.map_err(|_| setup(SignerError::Sign))?;
        let signature = BASE64URL_NOPAD.encode(&signature);
        Ok(Secret::new(format!("{text}.{signature}")))
    }
}

fn encode(json: &serde_json::Value) -> String {
    BASE64URL_NOPAD.encode(json.to_string().as_bytes())
}

fn setup(source: SignerError) -> AuthError {
    AuthError::Setup {
        source: source.into(),
    }
}
