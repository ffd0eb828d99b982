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
