use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use azure_core::{
    Error,
    http::{
        AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request,
        RetryOptions, StatusCode, Transport, headers::RETRY_AFTER, policies::get_retry_after,
    },
    time::{Duration as Span, OffsetDateTime},
};
use reqwest::Certificate;

/// Longest time to make a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Reads certificate authorities from a PEM file.
pub(super) fn authorities(file: &Path) -> io::Result<Vec<Certificate>> {
    Certificate::from_pem_bundle(&fs::read(file)?).map_err(io::Error::other)
}

/// How requests are sent to one service. Attempts go on for half the time that a request may take, so
/// that the last one has time to be answered.
pub(super) fn options(
    timeout: Duration,
    authorities: &[Certificate],
) -> Result<ClientOptions, reqwest::Error> {
    let client = reqwest::Client::builder()
        .tls_certs_merge(authorities.iter().cloned())
        .connect_timeout(CONNECT.min(timeout))
        .read_timeout(timeout / 2)
        // Storage does not redirect: whoever does is not storage.
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let half = i64::try_from(timeout.as_millis() / 2).unwrap_or(i64::MAX);
    Ok(ClientOptions {
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            initial_delay: Span::milliseconds(100),
            max_retries: 6,
            max_total_elapsed: Span::milliseconds(half),
            max_delay: Span::seconds(5),
        }),
        transport: Some(Transport::new(Arc::new(Courier {
            client,
            not_before: Mutex::default(),
        }))),
        ..ClientOptions::default()
    })
}

/// Sends requests.
///
/// Its errors do not quote the address: it may carry a signature, which would end up in the SDK's logs.
/// And it keeps every request back for as long as the service asked one of them to wait: the SDK makes
/// only that one wait, and forgets it with the request.
#[derive(Debug)]
struct Courier {
    client: reqwest::Client,
    not_before: Mutex<Option<Instant>>,
}

impl Courier {
    async fn wait(&self) {
        let until = *self.lock();
        if let Some(until) = until {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    fn note(&self, answer: &AsyncRawResponse) {
        let busy = [StatusCode::TooManyRequests, StatusCode::ServiceUnavailable];
        if !busy.contains(&answer.status()) {
            return;
        }
        let pause = get_retry_after(answer.headers(), OffsetDateTime::now_utc, &[RETRY_AFTER]);
        let pause = pause.and_then(|pause| Duration::try_from(pause).ok());
        let until = pause.and_then(|pause| Instant::now().checked_add(pause));
        let mut latest = self.lock();
        *latest = (*latest).max(until);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpClient for Courier {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.wait().await;
        let answer = self.client.execute_request(request).await;
        let answer =
            answer.map_err(|error| Error::with_message(error.kind().clone(), "no answer"))?;
        self.note(&answer);
        Ok(answer)
    }
}
