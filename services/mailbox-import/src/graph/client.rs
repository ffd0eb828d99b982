//! One mailbox, asked within its budget.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chatkeep_microsoft365::{AuthError, Graph, GraphError, Request, Response};
use chatkeep_runtime::secret::Secret;
use http::header::DATE;
use serde::{Deserialize, de::DeserializeOwned};

use super::{tenant::Tenant, trouble::Trouble};

/// A wait that nobody else is held up by.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How often something is asked that changes nothing, or nothing more when it is asked again.
const TRIES: u32 = 5;
/// Between two tries; doubled from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A pause between two tries that is longer than this is left to the ledger.
const SHORT_PAUSE: Duration = Duration::from_secs(5);

/// A mailbox, as a path of Graph.
#[derive(Clone)]
pub(super) struct Client {
    graph: Graph,
    tenant: Arc<Tenant>,
    mailbox: Arc<str>,
    root: Arc<str>,
}

#[derive(Deserialize)]
struct Owners {
    value: Vec<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    id: String,
}

impl Client {
    pub(super) fn new(graph: Graph, tenant: Arc<Tenant>, mailbox: &str) -> Self {
        Self {
            graph,
            tenant,
            mailbox: mailbox.into(),
            root: format!("users/{}", encode(mailbox)).into(),
        }
    }

    /// The same mailbox under a path that is known.
    pub(super) fn at(&self, root: Arc<str>) -> Self {
        Self {
            root,
            ..self.clone()
        }
    }

    /// Path of the mailbox.
    pub(super) fn root(&self) -> Arc<str> {
        Arc::clone(&self.root)
    }

    /// The same mailbox by the id of whoever has its address: paths take ids and principal names, other
    /// addresses not ("Get a user" of Graph's reference). `None` where nobody has it, where several do, or
    /// where the application may not ask.
    pub(super) async fn by_owner(&self) -> Result<Option<Self>, Trouble> {
        let address = format!("smtp:{}", self.mailbox);
        let filter = encode("proxyAddresses/any(p:p eq ") + &quoted(&address) + ")";
        let path = format!("users?$filter={filter}&$select=id&$top=2");
        let found: Owners = match self.get(&path).await {
            Err(Trouble::Refused { .. }) => return Ok(None),
            found => found?,
        };
        Ok(match &found.value[..] {
            [owner] => Some(self.at(format!("users/{}", encode(&owner.id)).into())),
            _ => None,
        })
    }

    /// The mailbox's address.
    pub(super) fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// What all mailboxes of the tenant share.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// A path in the mailbox.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}/{rest}", self.root)
    }

    /// Waits until the mailbox takes so many bytes, at most so long each time.
    pub(super) async fn admitted(&self, bytes: usize, patience: Duration) -> Result<(), Trouble> {
        loop {
            let asked = {
                let mut budget = self
                    .tenant
                    .budget
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                budget.ask(Instant::now(), &self.mailbox, bytes as u64)
            };
            match asked {
                Ok(()) => return Ok(()),
                Err(wait) if wait <= patience => tokio::time::sleep(wait).await,
                Err(wait) => return Err(Trouble::Busy(wait)),
            }
        }
    }

    /// Sends a request that was admitted, once.
    pub(super) async fn send(&self, request: Request) -> Result<Response, Trouble> {
        let changes = request.body.is_some();
        let answer = self.graph.send(request).await;
        self.judge(answer, changes)
    }

    /// Sends a range of a file, once.
    pub(super) async fn upload(
        &self,
        session: &Secret,
        (first, total): (u64, u64),
        bytes: Bytes,
    ) -> Result<Response, Trouble> {
        let answer = self.graph.upload(session, first, total, bytes).await;
        self.judge(answer, true)
    }

    /// Asks for something, again where the answer is lost.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let answer = self.patiently(|| Request::get(path)).await?;
        answer.json().map_err(|source| Trouble::Doubtful {
            after: None,
            source,
        })
    }

    /// Removes a message for good, also from where its owner could restore it. It may be gone already.
    pub(super) async fn remove(&self, message: &str) -> Result<(), Trouble> {
        let path = self.path(&format!("messages/{}/permanentDelete", encode(message)));
        let request = || Request {
            body: Some(Bytes::new()),
            method: http::Method::POST,
            ..Request::get(&*path)
        };
        match self.patiently(request).await {
            Ok(_) | Err(Trouble::Refused { status: 404, .. }) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Sends something that may be carried out more than once.
    pub(super) async fn patiently(
        &self,
        request: impl Fn() -> Request + Send + Sync,
    ) -> Result<Response, Trouble> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            self.admitted(0, PATIENCE).await?;
            match self.send(request()).await {
                Err(Trouble::Doubtful { after, .. }) => {
                    let wait = after.unwrap_or(pause);
                    if wait > SHORT_PAUSE {
                        return Err(Trouble::Busy(wait));
                    }
                    tokio::time::sleep(wait).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        self.admitted(0, PATIENCE).await?;
        self.send(request()).await
    }

    fn judge(
        &self,
        answer: Result<Response, GraphError>,
        changes: bool,
    ) -> Result<Response, Trouble> {
        let mut budget = self
            .tenant
            .budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let error = match answer {
            Ok(answer) => {
                budget.answered(&self.mailbox);
                drop(budget);
                self.tenant.note_time(answer.headers.get(DATE));
                return Ok(answer);
            }
            Err(error) => error,
        };
        Err(match error {
            GraphError::Throttled { after, .. } => {
                Trouble::Busy(budget.pause(Instant::now(), &self.mailbox, after))
            }
            GraphError::Unavailable {
                maybe_done: false, ..
            }
            | GraphError::Auth(AuthError::Unreachable) => Trouble::Unreachable(error),
            GraphError::Unavailable { after, .. } => Trouble::Doubtful {
                after,
                source: error,
            },
            // An answer that could not be read may say yes.
            GraphError::Invalid if changes => Trouble::Doubtful {
                after: None,
                source: error,
            },
            GraphError::Auth(_) | GraphError::Refused { status: 401, .. } | GraphError::Invalid => {
                Trouble::Setup(error)
            }
            GraphError::Refused {
                status: 408 | 500..,
                ..
            } if !is_full(&error) => Trouble::Doubtful {
                after: None,
                source: error,
            },
            GraphError::Refused { status, code } => Trouble::Refused { status, code },
        })
    }
}

/// 507 says that a mailbox is full, not that it is out of order.
fn is_full(error: &GraphError) -> bool {
    matches!(error, GraphError::Refused { status: 507, .. })
}

/// An address or id as a segment of a path.
pub(super) fn encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~@=".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A text in a filter, in quotes.
pub(super) fn quoted(text: &str) -> String {
    encode(&format!("'{}'", text.replace('\'', "''")))
}
