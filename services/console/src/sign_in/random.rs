use aws_lc_rs::{constant_time, rand};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

use super::SignInError;

/// 32 random bytes as text: nobody guesses it.
pub(super) fn token() -> Result<String, SignInError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| SignInError::Random)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// What is kept of a token.
pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Compares without telling by the time it takes how much is equal.
pub(super) fn is_equal(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
