use std::time::Duration;

use chatkeep_model::connector::Credential;
use reqwest::{Client, Url, redirect};

use crate::{AuthError, Graph, Tokens};

/// How long to wait for Microsoft 365.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole answer, from the first byte sent.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            // The gateway gives up by itself, with 504, before this.
            answer: Duration::from_mins(2),
        }
    }
}

/// The client for both, Entra ID and Graph: connections are kept, answers may be compressed.
pub fn http(timeouts: Timeouts) -> Result<Client, AuthError> {
    let client = Client::builder()
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.answer)
        .gzip(true)
        // Neither of them redirects: whoever does is somebody else, who must not get a token.
        .redirect(redirect::Policy::none())
        // The caller decides what is sent again.
        .retry(reqwest::retry::never())
        .build();
    client.map_err(|source| AuthError::Setup {
        source: source.into(),
    })
}

/// Makes what asks Graph as an application. Reads the secret or certificate, sends nothing yet.
/// `endpoint` ends with Graph's version, e.g. `https://graph.microsoft.com/v1.0`.
pub fn connect(
    credential: &Credential,
    endpoint: &str,
    timeouts: Timeouts,
) -> Result<Graph, AuthError> {
    let endpoint = Url::parse(endpoint).map_err(|source| AuthError::Setup {
        source: source.into(),
    })?;
    let tokens = Tokens::new(credential, http(timeouts)?)?;
    Ok(Graph::new(endpoint, tokens, timeouts))
}
