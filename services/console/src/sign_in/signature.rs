//! Signatures of tokens (RFC 7515, RFC 7518): those alone that are made with a private key. `none`, and
//! those of a shared secret, are not known here at all.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

/// How a token is signed.
#[derive(Clone, Copy)]
enum Algorithm {
    Rsa(&'static RsaParameters),
    /// The curve's name, and the length of a coordinate in bytes.
    Ecdsa(&'static EcdsaVerificationAlgorithm, &'static str, usize),
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Self::Rsa(&RSA_PSS_2048_8192_SHA256),
            "PS384" => Self::Rsa(&RSA_PSS_2048_8192_SHA384),
            "PS512" => Self::Rsa(&RSA_PSS_2048_8192_SHA512),
            "ES256" => Self::Ecdsa(&ECDSA_P256_SHA256_FIXED, "P-256", 32),
            "ES384" => Self::Ecdsa(&ECDSA_P384_SHA384_FIXED, "P-384", 48),
            _ => return None,
        })
    }
}

/// A public key of the issuer (RFC 7517, 4; RFC 7518, 6).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    kty: String,
    r#use: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// Whether a signature over a text was made with the key, in the way that the token says.
    pub(super) fn has_signed(&self, algorithm: &str, text: &[u8], signature: &[u8]) -> bool {
        let is_for_it = self.alg.as_ref().is_none_or(|alg| alg == algorithm)
            && self.r#use.as_ref().is_none_or(|purpose| purpose == "sig");
        let algorithm = Algorithm::named(algorithm).filter(|_| is_for_it);
        let good = algorithm.and_then(|algorithm| match algorithm {
            Algorithm::Rsa(how) => self.rsa(how, text, signature),
            Algorithm::Ecdsa(how, curve, length) => {
                let point = self.point(curve, length)?;
                let key = UnparsedPublicKey::new(how, point);
                key.verify(text, signature).ok()
            }
        });
        good.is_some()
    }

    fn rsa(&self, how: &'static RsaParameters, text: &[u8], signature: &[u8]) -> Option<()> {
        let key = RsaPublicKeyComponents {
            n: number(self.n.as_ref().filter(|_| self.kty == "RSA")?)?,
            e: number(self.e.as_ref()?)?,
        };
        key.verify(how, text, signature).ok()
    }

    /// The key as an uncompressed point (SEC 1, 2.3.3).
    fn point(&self, curve: &str, length: usize) -> Option<Vec<u8>> {
        let is_on_it = self.kty == "EC" && self.crv.as_deref() == Some(curve);
        let coordinates = [self.x.as_ref(), self.y.as_ref()];
        let mut point = vec![4];
        for coordinate in coordinates {
            let coordinate = number(coordinate.filter(|_| is_on_it)?)?;
            point.extend(Some(coordinate).filter(|bytes| bytes.len() == length)?);
        }
        Some(point)
    }
}

fn number(text: &String) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}
