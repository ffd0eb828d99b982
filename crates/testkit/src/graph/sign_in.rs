//! Entra ID's token endpoint ("Microsoft identity platform and the OAuth 2.0 client credentials flow").

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Tenant,
    call::{Call, Reply},
    json::text,
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Gives out tokens to the one application there is.
#[derive(Debug)]
pub(super) struct SignIn {
    origin: String,
    lasts: Duration,
    held: Mutex<Held>,
    certificate: OnceLock<Certificate>,
}

#[derive(Debug, Default)]
struct Held {
    given: u64,
    tokens: HashMap<String, Instant>,
    /// Assertions that were used: each is good once.
    used: HashSet<String>,
}

/// The application's certificate.
#[derive(Debug)]
pub(super) struct Certificate {
    /// Certificate and key.
    pub(super) pem: String,
    thumbprint: String,
    public: Vec<u8>,
}

impl SignIn {
    pub(super) fn new(origin: &str, lasts: Duration) -> Self {
        Self {
            origin: origin.to_owned(),
            lasts,
            held: Mutex::default(),
            certificate: OnceLock::new(),
        }
    }

    /// The certificate, made when it is asked for first.
    pub(super) fn certificate(&self) -> &Certificate {
        self.certificate.get_or_init(Certificate::make)
    }

    pub(super) fn is_good(&self, token: &str) -> bool {
        let held = self.held();
        let ends = held.tokens.get(token);
        ends.is_some_and(|ends| Instant::now() < *ends)
    }

    /// Ends every token that was given out.
    pub(super) fn revoke(&self) {
        self.held().tokens.clear();
    }

    pub(super) fn grant(&self, call: &Call) -> Reply {
        let body = String::from_utf8_lossy(&call.body);
        let form = Call::new(
            call.method.clone(),
            &format!("?{body}"),
            call.headers.clone(),
            call.body.clone(),
        );
        match self.check(&call.path[0], &form) {
            Ok(()) => {
                let mut held = self.held();
                held.given += 1;
                let token = format!("eyJ0eXAi.{}.{}", held.given, Tenant::CLIENT);
                held.tokens
                    .insert(token.clone(), Instant::now() + self.lasts);
                let answer = json!({
                    "token_type": "Bearer",
                    "expires_in": self.lasts.as_secs(),
                    "ext_expires_in": self.lasts.as_secs(),
                    "access_token": token,
                });
                Reply::json(200, &answer)
            }
            Err((error, number)) => {
                let status = if error == "invalid_client" { 401 } else { 400 };
                let answer = json!({
                    "error": error,
                    "error_description": format!("AADSTS{number}: refused for {}.", Tenant::CLIENT),
                    "error_codes": [number],
                });
                Reply::json(status, &answer)
            }
        }
    }

    /// The numbers are Entra ID's ("Microsoft Entra authentication and authorization error codes").
    fn check(&self, tenant: &str, form: &Call) -> Result<(), (&'static str, u32)> {
        let is = |name: &str, value: &str| form.query(name) == Some(value);
        if tenant != Tenant::ID {
            return Err(("invalid_request", 90_002));
        }
        if !is("grant_type", "client_credentials") {
            return Err(("unsupported_grant_type", 70_003));
        }
        if !is("client_id", Tenant::CLIENT) {
            return Err(("unauthorized_client", 700_016));
        }
        if !is("scope", &format!("{}/.default", self.origin)) {
            return Err(("invalid_scope", 70_011));
        }
        if let Some(secret) = form.query("client_secret") {
            let is_it = secret == Tenant::SECRET;
            return is_it.then_some(()).ok_or(("invalid_client", 7_000_215));
        }
        let assertion = form.query("client_assertion");
        let assertion = assertion.ok_or(("invalid_client", 7_000_218))?;
        if !is("client_assertion_type", ASSERTION_TYPE) {
            return Err(("invalid_request", 700_027));
        }
        if assertion == Tenant::SERVICE_ACCOUNT {
            return Ok(());
        }
        self.verify(assertion).ok_or(("invalid_client", 700_027))
    }

    /// Checks a signed assertion: signature, thumbprint, audience, issuer, times, and that it is new.
    fn verify(&self, assertion: &str) -> Option<()> {
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let (header, claims) = (decode(header)?, decode(claims)?);
        let certificate = self.certificate();
        let is_ours =
            text(&header, "alg") == "PS256" && text(&header, "x5t#S256") == certificate.thumbprint;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &certificate.public)
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let audience = format!("{}/{}/oauth2/v2.0/token", self.origin, Tenant::ID);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let time = |name: &str| claims.get(name).and_then(Value::as_u64);
        let is_valid = text(&claims, "aud") == audience
            && text(&claims, "iss") == Tenant::CLIENT
            && text(&claims, "sub") == Tenant::CLIENT
            && time("nbf")? <= now
            && time("exp")? > now;
        let is_new = self.held().used.insert(text(&claims, "jti"));
        (is_ours && is_valid && is_new).then_some(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Certificate {
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    fn make() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key is made");
        let parameters = rcgen::CertificateParams::new(Vec::new()).expect("no names are valid");
        let certificate = parameters.self_signed(&key).expect("it is signed");
        Self {
            pem: certificate.pem() + &key.serialize_pem(),
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.der())),
            public: key.public_key_raw().to_vec(),
        }
    }
}

fn decode(part: &str) -> Option<Value> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}
