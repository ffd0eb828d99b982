#[cfg(test)]
mod tests;

use std::{fmt::Display, time::Duration};

use reqwest::{
    Method, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{client::Inner, problem};

/// Pauses between attempts: the first, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// The header by which a repeat is known.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// When a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// When there was no answer, or that it should come again: it does nothing twice.
    Unanswered,
    /// When nobody can have received it.
    Unsent,
    Never,
}

/// A request, until it is sent.
pub(crate) struct Call<'a> {
    client: &'a Inner,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    repeat: Repeat,
}

impl<'a> Call<'a> {
    pub(super) fn new(client: &'a Inner, method: Method, url: Url) -> Self {
        let repeat = if method == Method::GET {
            Repeat::Unanswered
        } else {
            Repeat::Unsent
        };
        Self {
            client,
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            repeat,
        }
    }

    pub(super) fn query(mut self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        self.url.query_pairs_mut().append_pair(name, &value);
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// What is sent, and its media type.
    pub(super) fn body(mut self, kind: &'static str, body: String) -> Self {
        let kind = HeaderValue::from_static(kind);
        self.headers.insert(CONTENT_TYPE, kind);
        self.body = Some(body.into_bytes());
        self
    }

    /// It does nothing twice: the server knows a repeat by a key.
    pub(super) fn once(mut self) -> Self {
        let key = format!("{:032x}", fastrand::u128(..));
        if let Ok(key) = HeaderValue::from_str(&key) {
            self.headers.insert(KEY, key);
            self.repeat = Repeat::Unanswered;
        }
        self
    }

    /// Whoever asks sees to repeats.
    pub(super) fn at_once(mut self) -> Self {
        self.repeat = Repeat::Never;
        self
    }

    /// Sends it, as often as it takes; the head of the answer.
    pub(crate) async fn answer(self) -> Result<Response, Status> {
        let since = Instant::now();
        let mut pause = FIRST;
        loop {
            let (failure, again) = match self.attempt().await? {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let again = self.repeat == Repeat::Unanswered && is_passing(response.status());
                    let after = again.then(|| retry_after(&response)).flatten();
                    pause = after.unwrap_or(pause);
                    (problem::read(response).await, again)
                }
                Err(error) => {
                    let again = match self.repeat {
                        Repeat::Unanswered => true,
                        Repeat::Unsent => error.is_connect(),
                        Repeat::Never => false,
                    };
                    (problem::unanswered(&error), again)
                }
            };
            // Many scripts that wait for one server do not all come back at once.
            let wait = pause.mul_f64(0.5 + fastrand::f64());
            if !again || since.elapsed() + wait > self.client.patience {
                return Err(failure);
            }
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    async fn attempt(&self) -> Result<reqwest::Result<Response>, Status> {
        let http = &self.client.http;
        let mut request = http
            .request(self.method.clone(), self.url.clone())
            .header(AUTHORIZATION, self.client.credential.header()?)
            .headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        Ok(request.send().await)
    }

    /// Sends it and reads the answer.
    pub(super) async fn read<T: DeserializeOwned>(self) -> Result<T, Status> {
        read(self.answer().await?).await
    }

    /// Sends it; there is nothing to read.
    pub(super) async fn done(self) -> Result<(), Status> {
        self.answer().await.map(drop)
    }
}

/// Reads an answer's body.
pub(super) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Status> {
    let body = response.bytes().await;
    let body = body.map_err(|error| problem::unanswered(&error))?;
    serde_json::from_slice(&body).map_err(|_| problem::unreadable())
}

fn is_passing(status: StatusCode) -> bool {
    [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ]
    .contains(&status)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.parse().map(Duration::from_secs).ok()
}
