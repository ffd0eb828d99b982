//! The users of a Microsoft 365 tenant: read in full once, then what changed ("Get incremental changes for
//! users").
//!
//! What is known of them is a *mirror*: a frame per user, sorted by id. A refresh merges the changes into
//! the mirror of the last one and makes the snapshot of the result. Nothing of this holds all users in
//! memory but the snapshot itself.

mod error;
mod merge;
mod person;
mod round;

use std::io::{BufReader, Write};

use chatkeep_microsoft365::{Graph, Timeouts, connect};
use chatkeep_model::connector::GraphDirectory;
use chatkeep_staging::{BlobReader, FrameReader};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use self::error::GraphDirectoryError;
use self::{merge::Merged, round::Round};
use crate::{
    check::TenantProbe,
    mirrored::{Previous, Users},
};

/// What an administrator grants the application.
const PERMISSION: &str = "User.Read.All";

/// First frame of a mirror: whose users it holds, and which of their properties. A mirror of anything else
/// is of no use.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    endpoint: String,
    tenant: String,
    select: String,
}

/// A mirror that is read.
type Known = FrameReader<BufReader<BlobReader>>;

/// The mailbox of somebody in the tenant.
pub(crate) async fn sample_mailbox(
    settings: &GraphDirectory,
) -> Result<Option<String>, GraphDirectoryError> {
    let graph = open(settings)?;
    round::sample_mailbox(&graph, settings).await
}

fn open(settings: &GraphDirectory) -> Result<Graph, GraphDirectoryError> {
    let graph = connect(&settings.auth, &settings.endpoint, Timeouts::default());
    graph.map_err(|source| GraphDirectoryError::connect(source, &settings.auth))
}

/// What the tenant answers to questions about changes that no simulator can answer.
pub(crate) async fn probe(settings: &GraphDirectory) -> Result<TenantProbe, GraphDirectoryError> {
    let graph = open(settings)?;
    round::probe(&graph, settings).await
}

/// Reads the users, from where the last refresh ended if that is still known, and writes their mirror. Between
/// two requests it stops when `shutdown` comes.
pub(crate) async fn read<W: Write + Send + 'static>(
    settings: &GraphDirectory,
    previous: Option<Previous>,
    mirror: W,
    shutdown: &CancellationToken,
) -> Result<Users<W>, GraphDirectoryError> {
    let graph = open(settings)?;
    let scope = Scope {
        endpoint: settings.endpoint.clone(),
        tenant: settings.auth.tenant.clone(),
        select: round::SELECT.to_owned(),
    };
    let (known, round) = match previous {
        Some(previous) => changes(&graph, settings, &scope, previous, shutdown).await?,
        None => (None, None),
    };
    let round = match round {
        Some(round) => round,
        None => round::whole(&graph, settings, shutdown).await?,
    };
    let Round { changes, next } = round;
    let merged = blocking(move || merge::merge(known, changes, &scope, mirror)).await?;
    let Merged {
        snapshot,
        guests,
        disabled,
        mirror,
    } = merged;
    Ok(Users {
        snapshot,
        guests,
        disabled,
        mirror,
        changes: next,
    })
}

/// The mirror and what changed since; nothing of both where either cannot be had any more.
async fn changes(
    graph: &Graph,
    settings: &GraphDirectory,
    scope: &Scope,
    previous: Previous,
    shutdown: &CancellationToken,
) -> Result<(Option<Known>, Option<Round>), GraphDirectoryError> {
    let Previous { users, changes } = previous;
    let opened = blocking(move || merge::open(users)).await?;
    let known = opened.filter(|(found, _)| found == scope);
    let Some((_, known)) = known else {
        return Ok((None, None));
    };
    let round = round::since(graph, settings, &changes, shutdown).await?;
    Ok(match round {
        Some(round) => (Some(known), Some(round)),
        None => (None, None),
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GraphDirectoryError> + Send + 'static,
) -> Result<T, GraphDirectoryError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| GraphDirectoryError::Broken)?
}
