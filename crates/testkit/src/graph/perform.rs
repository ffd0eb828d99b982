//! One request, from its limits to its answer.

use std::{sync::Arc, time::Duration};

use super::{
    Fault, Kind, attachments, batch,
    call::{Call, Reply},
    create, delta, folders, messages, permissions,
    server::Shared,
    state::State,
    uploads, users,
};

/// The connection breaks instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection broken on purpose")]
pub(super) struct Broken;

/// Does what a request asks, or what a fault makes of it.
pub(super) async fn perform(shared: &Arc<Shared>, kind: Kind, call: Call) -> Result<Reply, Broken> {
    let fault = shared.faults.next(kind);
    {
        let mut state = shared.state();
        state.counts.add(kind);
        state.counts.faults += u64::from(fault.is_some());
    }
    match fault {
        Some(Fault::DropBeforeCommit) => Err(Broken),
        Some(Fault::Fail { status, after }) => {
            Ok(told(shared, kind, &call, failure(status, after)))
        }
        Some(Fault::TokenExpired) => Ok(told(shared, kind, &call, unauthorized())),
        Some(Fault::LateCommit(delay)) => {
            shared.later(delay, kind, call);
            Err(Broken)
        }
        Some(Fault::CommitThenDrop) => {
            answer(shared, kind, &call).await?;
            Err(Broken)
        }
        Some(Fault::CommitThenFail(status)) => {
            answer(shared, kind, &call).await?;
            Ok(told(shared, kind, &call, failure(status, None)))
        }
        None => answer(shared, kind, &call).await,
    }
}

async fn answer(shared: &Arc<Shared>, kind: Kind, call: &Call) -> Result<Reply, Broken> {
    let reply = match kind {
        Kind::Token => shared.sign_in.grant(call),
        Kind::Batch => Box::pin(batch::answer(shared, call)).await?,
        _ => limited(shared, kind, call).await,
    };
    Ok(told(shared, kind, call, reply))
}

/// What is answered, kept for who asks for bodies.
fn told(shared: &Shared, kind: Kind, call: &Call, reply: Reply) -> Reply {
    shared.record(kind, call, &reply);
    reply
}

/// Carries a request out if there is room for it. It takes the tenant's latency.
async fn limited(shared: &Shared, kind: Kind, call: &Call) -> Reply {
    let owner = match enter(shared, kind, call) {
        Ok(owner) => owner,
        Err(reply) => {
            shared.state().counts.throttled += u64::from(reply.status == 429);
            return reply;
        }
    };
    let inside = Inside { shared, owner };
    tokio::time::sleep(shared.options.latency).await;
    let mut state = shared.state();
    let owner = inside.owner.as_deref().unwrap_or_default();
    let reply = execute(&mut state, kind, call, owner);
    reply.unwrap_or_else(|refusal| refusal)
}

/// A request in a mailbox. It leaves when it is over, also when its sender has gone.
struct Inside<'a> {
    shared: &'a Shared,
    owner: Option<String>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(owner) = &self.owner {
            self.shared.state().throttles.leave(owner);
        }
    }
}

/// Lets a request in. Returns the id of the user whose mailbox it is for.
fn enter(shared: &Shared, kind: Kind, call: &Call) -> Result<Option<String>, Reply> {
    let limits = &shared.options.limits;
    let mut state = shared.state();
    if kind == Kind::Upload {
        return Ok(None);
    }
    if kind == Kind::Unknown {
        let message = "Resource not found for the segment.";
        return Err(Reply::error(404, "ResourceNotFound", message));
    }
    permissions::check(kind, &shared.options.roles)?;
    if kind.is_of_directory() {
        state.throttles.enter_directory(limits)?;
        return Ok(None);
    }
    if call.body.len() > create::LARGEST {
        let message = "The request is too large.";
        return Err(Reply::error(413, "RequestEntityTooLarge", message));
    }
    let owner = state.owner(&call.path[1])?;
    let active = state.throttles.enter(&owner, call.body.len(), limits)?;
    state.counts.most_concurrent = state.counts.most_concurrent.max(active);
    Ok(Some(owner))
}

/// Does what a request asks.
pub(super) fn execute(
    state: &mut State,
    kind: Kind,
    call: &Call,
    owner: &str,
) -> Result<Reply, Reply> {
    match kind {
        Kind::Users => users::list(state, call),
        Kind::User => users::get(state, call),
        Kind::Delta => delta::list(state, call),
        Kind::ListFolders => folders::list(state, owner, call),
        Kind::GetFolder => folders::get(state, owner, call),
        Kind::CreateFolder => folders::create(state, owner, call),
        Kind::DeleteFolder => folders::delete(state, owner, call),
        Kind::PermanentlyDeleteFolder => folders::delete_for_good(state, owner, call),
        Kind::ListMessages => messages::list(state, owner, call),
        Kind::CreateMessage => create::create(state, owner, call),
        Kind::GetMessage => messages::get(state, owner, call),
        Kind::UpdateMessage => messages::update(state, owner, call),
        Kind::GetMime => messages::get_mime(state, owner, call),
        Kind::DeleteMessage => messages::delete(state, owner, call),
        Kind::PermanentlyDelete => messages::delete_for_good(state, owner, call),
        Kind::ListAttachments => attachments::list(state, owner, call),
        Kind::CreateAttachment => attachments::create(state, owner, call),
        Kind::CreateUploadSession => uploads::create(state, owner, call),
        Kind::Upload => uploads::put(state, call),
        Kind::Token | Kind::Batch | Kind::Unknown => Ok(Reply::empty(404)),
    }
}

/// Carries a request out whose sender has gone.
pub(super) fn execute_late(shared: &Shared, kind: Kind, call: &Call) {
    let mut state = shared.state();
    let owner = call
        .path
        .get(1)
        .map_or(Ok(String::new()), |name| state.owner(name));
    if let Ok(owner) = owner {
        drop(execute(&mut state, kind, call, &owner));
    }
}

pub(super) fn unauthorized() -> Reply {
    let message = "Lifetime validation failed, the token is expired.";
    Reply::error(401, "InvalidAuthenticationToken", message)
}

fn failure(status: u16, after: Option<Duration>) -> Reply {
    let code = match status {
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "InternalServerError",
    };
    let reply = Reply::error(status, code, "The service is not available.");
    match after {
        Some(after) => reply.with("retry-after", &after.as_secs()),
        None => reply,
    }
}
