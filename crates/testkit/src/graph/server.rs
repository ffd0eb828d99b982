use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    Faults, Kind, Options,
    call::{Call, Reply},
    perform::{Broken, execute_late, perform, unauthorized},
    sign_in::SignIn,
    state::State,
};

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) faults: Faults,
    pub(super) sign_in: SignIn,
    state: Mutex<State>,
    late: Mutex<JoinSet<()>>,
}

/// A body that was received or sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// What was asked for.
    pub kind: Kind,
    /// Whether it was sent here; else it is the answer.
    pub is_request: bool,
    /// The status of the answer; 0 of a request.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Shared {
    pub(super) fn new(options: Options, origin: &str) -> Self {
        let state = State {
            endpoint: format!("{origin}/v1.0"),
            page: options.page,
            changes_are_minimal: options.changes_are_minimal,
            quirks: options.quirks.clone(),
            ..State::default()
        };
        Self {
            faults: Faults::default(),
            sign_in: SignIn::new(origin, options.token_lasts),
            state: Mutex::new(state),
            late: Mutex::default(),
            options,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a request after a while, though nobody waits for it any more.
    pub(super) fn later(self: &Arc<Self>, delay: Duration, kind: Kind, call: Call) {
        let shared = Arc::clone(self);
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.spawn(async move {
            tokio::time::sleep(delay).await;
            execute_late(&shared, kind, &call);
        });
    }

    /// Keeps bodies, if the tenant was asked to.
    pub(super) fn record(&self, kind: Kind, call: &Call, reply: &Reply) {
        if !self.options.records_bodies {
            return;
        }
        let mut state = self.state();
        for (status, body) in [(0, &call.body), (reply.status, &reply.body)] {
            if let Ok(body) = serde_json::from_slice(body) {
                state.recorded.push(Recorded {
                    kind,
                    is_request: status == 0,
                    status,
                    body,
                });
            }
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Broken> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
        let address = parts.uri.path_and_query();
        let address = address.map_or("/", |address| address.as_str());
        let call = |address: &str, headers: HeaderMap, body: Bytes| {
            Call::new(parts.method.clone(), address, headers, body)
        };
        if let Some(address) = address.strip_prefix("/v1.0/") {
            if !self.is_let_in(&parts.headers) {
                return Ok(unauthorized());
            }
            let call = call(address, parts.headers, body);
            return perform(&self, Kind::of(&call), call).await;
        }
        let call = call(address, parts.headers, body);
        let kind = match call.segments()[..] {
            [_, "oauth2", "v2.0", "token"] => Kind::Token,
            ["upload", _] => Kind::Upload,
            _ => Kind::Unknown,
        };
        perform(&self, kind, call).await
    }

    fn is_let_in(&self, headers: &HeaderMap) -> bool {
        let token = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = token.and_then(|it| it.strip_prefix("Bearer "));
        token.is_some_and(|token| self.sign_in.is_good(token))
    }
}

/// Serves each connection in a task of its own; all of them end with this one.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        // Those that have ended are forgotten.
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(socket, Arc::clone(&shared)));
    }
}

/// An error of the service breaks the connection without an answer.
async fn serve(socket: TcpStream, shared: Arc<Shared>) {
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
