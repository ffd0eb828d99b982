use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How long a program may take to answer: more than `/readyz` does.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer in bytes that is read: pages of an admin port, not of the world.
const LARGEST_ANSWER: usize = 1 << 20;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; what is no UTF-8 in it was replaced.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The address cannot be read.
    #[error("{url} is no address: write http://HOST:PORT")]
    Malformed {
        /// The address.
        url: String,
    },
    /// Nobody listens there.
    #[error("connect to {url}")]
    Connect {
        /// The address.
        url: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The connection was lost, or what came is no HTTP.
    #[error("ask {url}")]
    Ask {
        /// The address.
        url: String,
        /// The reason.
        source: hyper::Error,
    },
    /// The answer was cut off, or is longer than an answer may be.
    #[error("read answer of {url}")]
    Read {
        /// The address.
        url: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing came in time.
    #[error("{url} does not answer")]
    Late {
        /// The address.
        url: String,
    },
}

/// Gets `path` of a server of plain HTTP at `http://HOST:PORT`: of another program's admin port.
pub async fn ask(url: &str, path: &str) -> Result<Answer, AskError> {
    let late = |_| AskError::Late {
        url: url.to_owned(),
    };
    timeout(PATIENCE, get(url, path)).await.map_err(late)?
}

async fn get(url: &str, path: &str) -> Result<Answer, AskError> {
    let named = || url.to_owned();
    let malformed = || AskError::Malformed { url: named() };
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let is_plain = uri.scheme_str() == Some("http");
    let is_bare = uri.path_and_query().is_none_or(|path| path == "/");
    let authority = uri.authority().filter(|_| is_plain && is_bare);
    let authority = authority.ok_or_else(malformed)?;
    // An IPv6 address is in brackets in a URL, and nowhere else.
    let host = authority.host().trim_matches(['[', ']']);
    let port = authority.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|source| AskError::Connect {
        url: named(),
        source,
    })?;
    let failed = |source| AskError::Ask {
        url: named(),
        source,
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let request = Request::get(path).header(HOST, authority.as_str());
    let request = request.body(Empty::<Bytes>::new());
    let request = request.map_err(|_| malformed())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect();
        let body = body.await.map_err(|source| AskError::Read {
            url: named(),
            source,
        })?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok(Answer { status, body })
    };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // It ends before the answer was read only where the answer says why.
        _ = connection => answer.await,
    }
}
