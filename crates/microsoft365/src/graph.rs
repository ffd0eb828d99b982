use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use chatkeep_runtime::secret::Secret;
use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_RANGE},
};
use reqwest::Url;

use crate::{GraphError, Request, Response, Timeouts, Tokens, failure};

/// The largest answer that is read, in bytes: above what Graph lets into a mailbox.
const LARGEST: usize = 256 << 20;
/// Ids of messages that last, also when somebody moves a message ("Obtain immutable identifiers for
/// Outlook resources").
const IMMUTABLE: HeaderValue = HeaderValue::from_static("IdType=\"ImmutableId\"");

/// Microsoft Graph, asked as one application.
#[derive(Clone)]
pub struct Graph {
    endpoint: Url,
    scope: String,
    tokens: Tokens,
    timeout: Duration,
}

impl Graph {
    /// `endpoint` ends with Graph's version, e.g. `https://graph.microsoft.com/v1.0`.
    pub fn new(mut endpoint: Url, tokens: Tokens, timeouts: Timeouts) -> Self {
        // Paths are joined behind the last slash.
        let path = format!("{}/", endpoint.path().trim_end_matches('/'));
        endpoint.set_path(&path);
        Self {
            scope: format!("{}/.default", endpoint.origin().ascii_serialization()),
            endpoint,
            tokens,
            timeout: timeouts.answer,
        }
    }

    /// Sends a request once; again only after 401, with a new token. Every status but success is an
    /// error, also 304.
    pub async fn send(&self, request: Request) -> Result<Response, GraphError> {
        let url = self.address(&request.path)?;
        let token = self.bearer().await?;
        match self.attempt(&url, &request, &token).await {
            Err(GraphError::Refused { status: 401, .. }) => {
                self.tokens.forget(&self.scope, &token).await;
                let token = self.bearer().await?;
                self.attempt(&url, &request, &token).await
            }
            answer => answer,
        }
    }

    /// Sends a range of a file to an upload session: `bytes` from `first` on, of `total`. The session's
    /// address is a secret of its own, it gets no token.
    pub async fn upload(
        &self,
        session: &Secret,
        first: u64,
        total: u64,
        bytes: Bytes,
    ) -> Result<Response, GraphError> {
        let url = Url::parse(session.expose()).map_err(|_| GraphError::Invalid)?;
        let is_safe = url.scheme() == "https" || url.origin() == self.endpoint.origin();
        let last = (first + bytes.len() as u64).checked_sub(1);
        let (true, Some(last)) = (is_safe, last) else {
            return Err(GraphError::Invalid);
        };
        let range = HeaderValue::from_str(&format!("bytes {first}-{last}/{total}"));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_RANGE, range.map_err(|_| GraphError::Invalid)?);
        self.exchange(Method::PUT, url, headers, Some(bytes)).await
    }

    /// The whole address of a path, or of a link that leads back to Graph.
    fn address(&self, path: &str) -> Result<Url, GraphError> {
        let url = self.endpoint.join(path).map_err(|_| GraphError::Invalid)?;
        let is_ours = url.origin() == self.endpoint.origin()
            && url.path().starts_with(self.endpoint.path())
            && url.username().is_empty();
        is_ours.then_some(url).ok_or(GraphError::Invalid)
    }

    async fn bearer(&self) -> Result<Secret, GraphError> {
        let token = self.tokens.bearer(&self.scope).await;
        token.map_err(GraphError::Auth)
    }

    async fn attempt(
        &self,
        url: &Url,
        request: &Request,
        token: &Secret,
    ) -> Result<Response, GraphError> {
        let bearer = format!("Bearer {}", token.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| GraphError::Invalid)?;
        bearer.set_sensitive(true);
        let mut headers = request.headers.clone();
        headers.insert(AUTHORIZATION, bearer);
        headers.append("prefer", IMMUTABLE);
        let body = request.body.clone();
        self.exchange(request.method.clone(), url.clone(), headers, body)
            .await
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response, GraphError> {
        let request = self.tokens.http().request(method, url).headers(headers);
        let request = request.timeout(self.timeout);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let answer = request.send().await;
        let answer = answer.map_err(|error| failure::of_silence(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = read(answer).await;
        if status.is_success() {
            let body = body?;
            return Ok(Response {
                status,
                headers,
                body,
            });
        }
        // What the status says holds also where the reason was lost.
        Err(failure::of_answer(
            status,
            &headers,
            &body.unwrap_or_default(),
        ))
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").finish_non_exhaustive()
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Bytes, GraphError> {
    let mut body = BytesMut::new();
    loop {
        let chunk = answer.chunk().await;
        match chunk.map_err(|error| failure::of_silence(&error))? {
            None => return Ok(body.freeze()),
            Some(chunk) if body.len() + chunk.len() <= LARGEST => body.extend_from_slice(&chunk),
            Some(_) => return Err(GraphError::Invalid),
        }
    }
}
