//! An OpenID provider: signs in whoever comes as whom a test says.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::LabError;

/// A running provider, on the loopback interface. It stops when it is dropped.
#[derive(Debug)]
pub struct OpenIdProvider {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    origin: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    key: Signer,
    /// What the next ID tokens say beside what all do.
    user: Value,
    /// Codes that were given out, with the query they were given for.
    codes: HashMap<String, HashMap<String, String>>,
    /// How often the keys were asked for.
    asked_for_keys: usize,
    /// Whether it says where to sign out.
    has_exit: bool,
    /// Clients that a browser was signed out for.
    signed_out: Vec<String>,
}

#[derive(Debug)]
struct Signer {
    id: String,
    pair: KeyPair,
}

impl Signer {
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            pair: KeyPair::generate(KeySize::Rsa2048).expect("a key is made"),
        }
    }

    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    fn sign(&self, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({ "alg": "RS256", "kid": self.id, "typ": "JWT" });
        let text = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .pair
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
        signed.expect("a token is signed");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn public(&self) -> Value {
        // A sequence of modulus and exponent: behind 9 bytes 256 of the modulus, and the exponent is 65537.
        let der = self.pair.public_key().as_ref();
        let modulus = URL_SAFE_NO_PAD.encode(&der[9..265]);
        json!({ "kty": "RSA", "use": "sig", "kid": self.id, "n": modulus, "e": "AQAB" })
    }
}

impl OpenIdProvider {
    /// The id of its only client.
    pub const CLIENT: &str = "console";
    /// The client's secret; its encoded form is another text.
    pub const SECRET: &str = "a client's secret+";

    /// Starts a provider.
    pub async fn start() -> Result<Self, LabError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(LabError::Setup)?;
        let address = listener.local_addr().map_err(LabError::Setup)?;
        let state = State {
            key: Signer::new("first"),
            user: json!({}),
            codes: HashMap::new(),
            asked_for_keys: 0,
            has_exit: false,
            signed_out: Vec::new(),
        };
        let shared = Arc::new(Shared {
            origin: format!("http://{address}"),
            state: Mutex::new(state),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            _tasks: tasks,
        })
    }

    /// What its tokens name as their issuer.
    pub fn issuer(&self) -> &str {
        &self.shared.origin
    }

    /// Says what the ID tokens of those say who sign in from now on; overrides what all tokens say.
    pub fn sign_in_as(&self, claims: Value) {
        self.shared.state().user = claims;
    }

    /// An access token for the client's API that says this, too.
    pub fn access_token(&self, claims: &Value) -> String {
        let all = self.shared.claims(claims);
        self.shared.state().key.sign(&all)
    }

    /// The same, signed with a key that the provider has never had, under the id of the one it has.
    pub fn forged_token(&self, claims: &Value) -> String {
        let all = self.shared.claims(claims);
        let id = self.shared.state().key.id.clone();
        Signer::new(&id).sign(&all)
    }

    /// Signs with another key from now on, and withdraws the one before.
    pub fn change_key(&self, id: &str) {
        self.shared.state().key = Signer::new(id);
    }

    /// Says where browsers sign out from now on ("OpenID Connect RP-Initiated Logout 1.0").
    pub fn open_exit(&self) {
        self.shared.state().has_exit = true;
    }

    /// Clients that browsers were signed out for.
    pub fn signed_out(&self) -> Vec<String> {
        self.shared.state().signed_out.clone()
    }

    /// How often its keys were asked for.
    pub fn asked_for_keys(&self) -> usize {
        self.shared.state().asked_for_keys
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claims(&self, more: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let mut claims = json!({
            "iss": self.origin, "aud": OpenIdProvider::CLIENT, "sub": "somebody",
            "iat": now, "exp": now + 3_600,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    }

    fn answer(&self, path: &str, query: &str, authorization: &str, body: &str) -> Answer {
        match path {
            "/.well-known/openid-configuration" => {
                let exit = format!("{}/sign-out?tenant=1", self.origin);
                let exit = self.state().has_exit.then_some(exit);
                Answer::json(&json!({
                    "issuer": self.origin,
                    "authorization_endpoint": format!("{}/authorize", self.origin),
                    "token_endpoint": format!("{}/token", self.origin),
                    "jwks_uri": format!("{}/keys", self.origin),
                    "end_session_endpoint": exit,
                }))
            }
            "/keys" => {
                let mut state = self.state();
                state.asked_for_keys += 1;
                // One of a kind that nobody knows is there, too.
                let other = json!({ "kid": "other" });
                Answer::json(&json!({ "keys": [other, state.key.public()] }))
            }
            "/authorize" => self.authorize(fields(query)),
            "/token" => self.token(&fields(body), authorization),
            "/sign-out" => self.sign_out(&fields(query)),
            _ => Answer::refusal("not_found"),
        }
    }

    /// Signs in at once, and sends back.
    fn authorize(&self, asked: HashMap<String, String>) -> Answer {
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let (back, state) = (of("redirect_uri"), of("state"));
        let mut held = self.state();
        let code = format!("code{}", held.codes.len());
        held.codes.insert(code.clone(), asked);
        Answer {
            status: StatusCode::FOUND,
            location: Some(format!("{back}?code={code}&state={state}")),
            body: String::new(),
        }
    }

    /// Signs out, and sends back.
    fn sign_out(&self, asked: &HashMap<String, String>) -> Answer {
        let of = |name: &str| asked.get(name).cloned();
        self.state().signed_out.extend(of("client_id"));
        Answer {
            status: StatusCode::FOUND,
            location: of("post_logout_redirect_uri"),
            body: String::new(),
        }
    }

    fn token(&self, form: &HashMap<String, String>, authorization: &str) -> Answer {
        let of = |name: &str| form.get(name).map_or("", String::as_str);
        // "client's secret" in the form of RFC 6749, 2.3.1: encoded, then put together.
        let expected = "Basic Y29uc29sZTphJTIwY2xpZW50JTI3cyUyMHNlY3JldCUyQg==";
        let Some(asked) = self
            .state()
            .codes
            .insert(of("code").to_owned(), HashMap::new())
        else {
            return Answer::refusal("invalid_grant");
        };
        let was = |name: &str| asked.get(name).map_or("", String::as_str);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier")));
        let is_good = authorization == expected
            && was("code_challenge") == challenge
            && was("code_challenge_method") == "S256"
            && was("redirect_uri") == of("redirect_uri");
        if !is_good {
            return Answer::refusal("invalid_grant");
        }
        let mut claims = self.claims(&json!({ "nonce": was("nonce") }));
        let state = self.state();
        for (name, value) in state.user.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        Answer::json(&json!({ "token_type": "Bearer", "id_token": state.key.sign(&claims) }))
    }
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl Answer {
    fn json(value: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            location: None,
            body: value.to_string(),
        }
    }

    fn refusal(error: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            location: None,
            body: json!({ "error": error }).to_string(),
        }
    }
}

/// Fields of a query or a form.
fn fields(text: &str) -> HashMap<String, String> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(serve(socket, Arc::clone(&shared)));
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let authorization = parts.headers.get(header::AUTHORIZATION);
            let authorization = authorization.and_then(|it| it.to_str().ok());
            let answer = shared.answer(
                parts.uri.path(),
                parts.uri.query().unwrap_or_default(),
                authorization.unwrap_or_default(),
                &String::from_utf8_lossy(&body),
            );
            let mut response = Response::new(Full::new(Bytes::from(answer.body)));
            *response.status_mut() = answer.status;
            let location = answer.location.and_then(|it| it.parse().ok());
            if let Some(location) = location {
                response.headers_mut().insert(header::LOCATION, location);
            }
            Ok::<_, hyper::Error>(response)
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    // A client that went is no concern of anybody else.
    drop(served.await);
}
