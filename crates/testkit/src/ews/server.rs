use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Fault, Operation, StoredItem, faults::Faults, mailbox::Mailbox, node::Node, reply::Reply,
    schema::is_in_order, state::State,
};
use crate::{LabError, encryption::acceptor, make_certificates};

/// A running server, on the loopback interface. It stops when it is dropped.
///
/// Methods that name a mailbox panic where there is none: the test is wrong then.
#[derive(Debug)]
pub struct ExchangeServer {
    shared: Arc<Shared>,
    port: u16,
    is_encrypted: bool,
    folder: TempDir,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    faults: Faults,
    state: Mutex<State>,
    late: Mutex<JoinSet<()>>,
}

/// The connection breaks instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection broken on purpose")]
struct Broken;

impl ExchangeServer {
    /// The account that may ask.
    pub const USER: &str = "CONTOSO\\chatkeep";
    /// Its password.
    pub const PASSWORD: &str = "an account's password";

    /// Starts a server without mailboxes.
    ///
    /// # Panics
    ///
    /// Where no port is free: there is no test without one.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub async fn start() -> Self {
        Self::try_start(false).await.expect("the server starts")
    }

    /// Starts one that is reached over TLS.
    ///
    /// # Panics
    ///
    /// Where no port is free, or no certificate can be made: there is no test without them.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub async fn start_encrypted() -> Self {
        Self::try_start(true).await.expect("the server starts")
    }

    async fn try_start(is_encrypted: bool) -> Result<Self, LabError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(LabError::Setup)?;
        let port = listener.local_addr().map_err(LabError::Setup)?.port();
        let folder = TempDir::new().map_err(LabError::Setup)?;
        for (name, secret) in [("user", Self::USER), ("password", Self::PASSWORD)] {
            std::fs::write(folder.path().join(name), secret).map_err(LabError::Setup)?;
        }
        let mut tls = None;
        if is_encrypted {
            make_certificates(folder.path())?;
            tls = Some(acceptor(folder.path(), rustls::ALL_VERSIONS)?);
        }
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, Arc::clone(&shared)));
        Ok(Self {
            shared,
            port,
            is_encrypted,
            folder,
            _tasks: tasks,
        })
    }

    /// The `[target]` of a connector file that writes here; whom to trust is not said.
    pub fn target(&self) -> String {
        let folder = self.folder.path().display();
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!(
            "type = \"ews\"\nurl = \"{scheme}://127.0.0.1:{}/EWS/Exchange.asmx\"\n\
             user = \"file:{folder}/user\"\npassword = \"file:{folder}/password\"",
            self.port
        )
    }

    /// The certificate authority that vouches for it where it is encrypted, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Another certificate authority, that does not.
    pub fn other_ca(&self) -> PathBuf {
        self.folder.path().join("other.pem")
    }

    /// Adds a mailbox.
    pub fn add(&self, address: &str) {
        let mut state = self.shared.state();
        state
            .mailboxes
            .insert(address.to_owned(), Mailbox::new(address));
    }

    /// Keeps the account out of a mailbox, or lets it in.
    pub fn deny(&self, address: &str, is_denied: bool) {
        self.shared.state().mailbox(address).is_denied = is_denied;
    }

    /// Leaves room for so many bytes of MIME in a mailbox; `None` is as many as come.
    pub fn set_room(&self, address: &str, bytes: Option<usize>) {
        self.shared.state().mailbox(address).room = bytes;
    }

    /// Gives out so many items in one answer at most (`EwsFindCountLimit`).
    pub fn set_page(&self, items: usize) {
        self.shared.state().page = items;
    }

    /// Passes over `PR_MESSAGE_FLAGS`, so that every item is a draft: what an import must notice.
    pub fn pass_over_flags(&self) {
        self.shared.state().passes_over_flags = true;
    }

    /// Keeps no retention tag of an item: what an import must notice.
    pub fn pass_over_tags(&self) {
        self.shared.state().passes_over_tags = true;
    }

    /// Goes wrong once: with the `nth` request of this kind from now on, the first being 1.
    pub fn fail(&self, operation: Operation, nth: u64, fault: Fault) {
        self.shared.faults.at(operation, nth, fault);
    }

    /// How often something went wrong so far.
    pub fn faults(&self) -> u64 {
        self.shared.faults.happened()
    }

    /// How many requests of a kind it got so far.
    pub fn requests(&self, operation: Operation) -> u64 {
        self.shared.faults.requests(operation)
    }

    /// The items of a mailbox, in the order they were stored.
    pub fn items(&self, address: &str) -> Vec<StoredItem> {
        let mut state = self.shared.state();
        let mailbox = state.mailbox(address);
        let items = mailbox.items.iter().map(|item| StoredItem {
            folder: mailbox.path(&item.parent),
            ..item.clone()
        });
        items.collect()
    }

    /// The paths of the folders of a mailbox.
    pub fn folders(&self, address: &str) -> Vec<String> {
        let mut state = self.shared.state();
        let mailbox = state.mailbox(address);
        let folders = mailbox.folders.iter();
        folders.map(|folder| mailbox.path(&folder.id)).collect()
    }

    /// Deletes a folder by its path, with everything in it, as its owner may.
    pub fn delete_folder(&self, address: &str, path: &str) {
        let mut state = self.shared.state();
        let mailbox = state.mailbox(address);
        let mut folders = mailbox.folders.iter();
        let folder = folders.find(|folder| mailbox.path(&folder.id) == path);
        let id = folder.map(|folder| folder.id.clone()).unwrap_or_default();
        mailbox.folders.retain(|folder| folder.id != id);
        mailbox.items.retain(|item| item.parent != id);
    }

    /// Deletes items for good that their owner does not want.
    pub fn delete_items(&self, address: &str, is_unwanted: impl Fn(&StoredItem) -> bool) {
        let mut state = self.shared.state();
        state
            .mailbox(address)
            .items
            .retain(|item| !is_unwanted(item));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Broken> {
        let (parts, body) = request.into_parts();
        let account = format!("{}:{}", ExchangeServer::USER, ExchangeServer::PASSWORD);
        let expected = format!("Basic {}", STANDARD.encode(account));
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
        if parts
            .headers
            .get(AUTHORIZATION)
            .is_none_or(|it| it != expected.as_str())
        {
            return Ok(Reply::page(401));
        }
        let envelope = Node::parse(&body).filter(is_in_order);
        let Some(envelope) = envelope else {
            return Ok(Reply::fault("ErrorSchemaValidation", None));
        };
        self.perform(envelope)
    }

    /// Does what a request asks, or what a fault makes of it.
    fn perform(self: &Arc<Self>, envelope: Node) -> Result<Reply, Broken> {
        let body = envelope.child("soap:Body");
        let request = body.and_then(|body| body.children.first());
        let operation = Operation::of(request.map_or("", |request| &request.name));
        let reply = |first| self.state().execute(&envelope, first);
        match self.faults.next(operation) {
            None => Ok(reply(None)),
            Some(Fault::DropBeforeCommit) => Err(Broken),
            Some(Fault::CommitThenDrop) => {
                reply(None);
                Err(Broken)
            }
            Some(Fault::LateCommit(delay)) => {
                self.later(delay, envelope);
                Err(Broken)
            }
            Some(Fault::CommitThenFail(status)) => {
                reply(None);
                Ok(Reply::page(status))
            }
            Some(Fault::Fail(status)) => Ok(Reply::page(status)),
            Some(Fault::Busy(after)) => {
                Ok(Reply::fault("ErrorServerBusy", Some(after.as_millis())))
            }
            Some(Fault::Refuse(code)) => Ok(Reply::fault(code, None)),
            Some(Fault::RefuseFirst(code)) => Ok(reply(Some(code))),
            Some(Fault::ThenOldestGoes) => {
                let answer = reply(None);
                for mailbox in self.state().mailboxes.values_mut() {
                    mailbox.items.drain(..1.min(mailbox.items.len()));
                }
                Ok(answer)
            }
        }
    }

    /// Carries out a request after a while, though nobody waits for it any more.
    fn later(self: &Arc<Self>, delay: Duration, envelope: Node) {
        let shared = Arc::clone(self);
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.spawn(async move {
            tokio::time::sleep(delay).await;
            shared.state().execute(&envelope, None);
        });
    }
}

/// Serves each connection in a task of its own; all of them end with this one.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        // Those that have ended are forgotten.
        while connections.try_join_next().is_some() {}
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match tls {
                None => serve(socket, shared).await,
                Some(tls) => {
                    // Who does not trust the certificate goes.
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, shared).await;
                    }
                }
            }
        });
    }
}

/// An error of the service breaks the connection without an answer.
async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move {
            let reply = shared.answer(request).await?;
            Ok::<Response<Full<Bytes>>, Broken>(reply.into_response())
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    // A client that went is no concern of anybody else.
    drop(served.await);
}
