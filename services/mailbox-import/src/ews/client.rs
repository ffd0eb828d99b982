//! One mailbox, asked as the service account.

use std::{
    error::Error,
    io, iter,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::BytesMut;
use chatkeep_model::connector;
use chatkeep_runtime::{
    secret::{self, Secret},
    tls::client_config,
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, DATE},
};

use super::{
    failure::{EwsError, Failure, PAUSE},
    soap::{self, Reply},
    xml::{self, Element},
};
use crate::target::{BoxError, TargetError, Timeouts};

/// The largest answer that is read, in bytes: above what Exchange lets into a mailbox.
const LARGEST: usize = 256 << 20;
/// How often something is asked that changes nothing, or nothing more when it is asked again.
const TRIES: u32 = 5;
/// Between two tries; doubled from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The account that asks, and the server.
pub(super) struct Account {
    http: reqwest::Client,
    url: String,
    user: Secret,
    password: Secret,
    impersonates: bool,
}

/// A mailbox of the server.
#[derive(Clone)]
pub(super) struct Client {
    account: Arc<Account>,
    mailbox: Arc<str>,
}

/// What a request was answered with.
#[derive(Debug)]
pub(super) struct Answer {
    /// One for each thing that was asked for.
    pub(super) replies: Vec<Reply>,
    /// What time it is there, Unix seconds; ours where it does not say so.
    pub(super) time: i64,
}

impl Account {
    /// Reads the credential and the CA file, sends nothing yet.
    pub(super) fn new(
        settings: &connector::EwsTarget,
        timeouts: Timeouts,
    ) -> Result<Self, TargetError> {
        let setup = |source: BoxError| TargetError::Setup { source };
        let tls = client_config(settings.ca.as_deref()).map_err(|error| setup(error.into()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(Arc::unwrap_or_clone(tls))
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.answer)
            .gzip(true)
            // Whoever redirects is somebody else, who must not get the password.
            .redirect(reqwest::redirect::Policy::none())
            // The caller decides what is sent again.
            .retry(reqwest::retry::never())
            .build();
        let read = |reference| secret::read(reference).map_err(|error| setup(error.into()));
        Ok(Self {
            http: http.map_err(|error| setup(error.into()))?,
            url: settings.url.clone(),
            user: read(&settings.user)?,
            password: read(&settings.password)?,
            impersonates: settings.impersonate,
        })
    }
}

impl Client {
    pub(super) fn new(account: Arc<Account>, mailbox: &str) -> Self {
        Self {
            account,
            mailbox: mailbox.into(),
        }
    }

    /// A folder that every mailbox has, by its name in the schema. It always says whose: an account that does
    /// not act as the owner would otherwise get its own.
    pub(super) fn root(&self, name: &str) -> String {
        if self.account.impersonates {
            return format!("<t:DistinguishedFolderId Id=\"{name}\"/>");
        }
        let mailbox = xml::text(&self.mailbox);
        format!(
            "<t:DistinguishedFolderId Id=\"{name}\"><t:Mailbox><t:EmailAddress>{mailbox}</t:EmailAddress>\
             </t:Mailbox></t:DistinguishedFolderId>"
        )
    }

    /// Sends a request, once.
    pub(super) async fn send(&self, body: &str) -> Result<Answer, Failure> {
        let account = &self.account;
        let owner = account.impersonates.then_some(&*self.mailbox);
        let mut headers = HeaderMap::new();
        let xml = HeaderValue::from_static("text/xml; charset=utf-8");
        headers.insert(CONTENT_TYPE, xml);
        // Lets the server choose the machine that has the mailbox ("X-AnchorMailbox").
        if let Ok(mailbox) = HeaderValue::from_str(&self.mailbox) {
            headers.insert("x-anchormailbox", mailbox);
        }
        let request = account.http.post(&account.url).headers(headers);
        let request = request
            .basic_auth(account.user.expose(), Some(account.password.expose()))
            .body(soap::envelope(owner, body));
        let answer = request.send().await.map_err(|error| silence(&error))?;
        let (status, time) = (answer.status(), time(answer.headers()));
        match soap::read(&whole(answer).await?) {
            Some(replies) => Ok(Answer {
                replies: replies?,
                time,
            }),
            None => Err(of_status(status)),
        }
    }

    /// Asks for one thing, again where the answer is lost.
    pub(super) async fn ask(&self, body: &str) -> Result<(Element, i64), Failure> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let answer = self.send(body).await.and_then(|answer| {
                let reply = answer.replies.first();
                let reply = reply.ok_or(Failure::Doubtful(EwsError::Invalid))?;
                Ok((reply.content()?.clone(), answer.time))
            });
            match answer {
                Err(Failure::Doubtful(_)) if tries < TRIES => {}
                answer => return answer,
            }
            tries += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

async fn whole(mut answer: reqwest::Response) -> Result<BytesMut, Failure> {
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await.map_err(|error| silence(&error))? {
            None => return Ok(body),
            Some(chunk) if body.len() + chunk.len() <= LARGEST => body.extend_from_slice(&chunk),
            Some(_) => return Err(Failure::Doubtful(EwsError::Invalid)),
        }
    }
}

/// Without a connection nothing was sent; whatever else happened, something may have been.
fn silence(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::Setup(EwsError::Invalid);
    }
    if error.is_connect() {
        return if is_untrusted(error) {
            Failure::Setup(EwsError::Untrusted)
        } else {
            Failure::Unreachable(EwsError::Silent)
        };
    }
    Failure::Doubtful(EwsError::Silent)
}

/// True where the two do not come to terms about TLS.
fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut causes = iter::successors(error.source(), |cause| below(*cause));
    causes.any(<dyn Error>::is::<rustls::Error>)
}

/// What an error wraps: one of the system does not name it as its source.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

/// What an answer means that is none of the service, but of the web server before it.
fn of_status(status: StatusCode) -> Failure {
    let error = EwsError::Status(status.as_u16());
    match status.as_u16() {
        200..300 => Failure::Doubtful(EwsError::Invalid),
        413 => Failure::Refusal(crate::target::Refusal::TooLarge),
        429 => Failure::Busy(PAUSE),
        408 | 500.. => Failure::Doubtful(error),
        _ => Failure::Setup(error),
    }
}

fn time(headers: &HeaderMap) -> i64 {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    date.map_or_else(our_time, |date| date.timestamp().as_second())
}

fn our_time() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}
