use std::path::PathBuf;

use chatkeep_model::connector::SecretRef;
use chatkeep_runtime::secret;
use reqwest::header::HeaderValue;
use tonic::Status;

/// The variable that holds the token where no file does.
const VARIABLE: &str = "CHATKEEP_TOKEN";

/// Where the access token is found. It is read for each request, so that a script may renew it.
#[derive(Clone, Debug)]
pub(super) struct Credential(SecretRef);

impl Credential {
    /// The file, or else the variable.
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self(file.map_or_else(|| SecretRef::Env(VARIABLE.to_owned()), SecretRef::File))
    }

    /// What a request shows.
    pub(super) fn header(&self) -> Result<HeaderValue, Status> {
        let token = secret::read(&self.0).map_err(|error| {
            Status::unauthenticated(format!(
                "{error}: give an access token in the variable {VARIABLE} or with --token-file"
            ))
        })?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose().trim()));
        let mut value = value.map_err(|_| {
            Status::unauthenticated("the access token has characters that none can have")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}
