//! What `chatkeep check` says about directory and mapping.

use chatkeep_model::connector::{Connector, Directory};

use crate::{
    graph,
    index::Conflict,
    ldap,
    tables::{DirectoryError, Tables},
};

/// What directory and custom mapping of a connector hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Users in the directory, guests not counted.
    pub users: u64,
    /// Guests in the directory: their mailboxes are elsewhere, they are passed over.
    pub guests: u64,
    /// Users that may not sign in, where the directory says so; their mailboxes are as good as others.
    pub disabled: u64,
    /// Addresses in the custom mapping; `None` when the connector has none.
    pub custom: Option<u64>,
    /// Principal names of users without a mailbox: what is theirs will be held.
    pub without_mailbox: Vec<String>,
    /// A mailbox to try the target with: the first user's who has one.
    pub sample_mailbox: Option<String>,
    /// Addresses that users with different mailboxes share and the custom mapping does not decide:
    /// what is sent to them will be held.
    pub conflicts: Vec<Conflict>,
}

/// Reads directory and custom mapping, a tenant or a domain in full, and looks for what would hold deliveries. Changes
/// nothing.
pub async fn check(connector: &Connector) -> Result<Findings, DirectoryError> {
    let tables = Tables::read(connector, None).await?;
    Ok(Findings::of(&tables))
}

/// Whether the directory can be read, and the mailbox of somebody in it to try the target with. Of a tenant
/// or a domain it reads one page: everybody is read when the run has begun.
pub async fn sample_mailbox(connector: &Connector) -> Result<Option<String>, DirectoryError> {
    match &connector.directory {
        Directory::Graph(settings) => {
            let mailbox = graph::sample_mailbox(settings).await;
            mailbox.map_err(DirectoryError::Graph)
        }
        Directory::Ldap(settings) => {
            let mailbox = ldap::sample_mailbox(settings).await;
            mailbox.map_err(DirectoryError::Ldap)
        }
        Directory::Csv { .. } => Ok(check(connector).await?.sample_mailbox),
    }
}

/// What a tenant answers about changes of its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantProbe {
    /// Users on the first page, of 999 that were asked for.
    pub users: u64,
    /// Whether there are no more.
    pub is_all: bool,
    /// The HTTP status that a token was refused with that was never given out; `None` where it was
    /// answered as if it had been.
    pub refusal: Option<u16>,
    /// Whether a refresh that is refused so reads everybody anew, as it should.
    pub is_understood: bool,
}

/// Asks a tenant what only a real one can answer; `None` where the directory is none. Changes nothing.
pub async fn tenant_probe(connector: &Connector) -> Result<Option<TenantProbe>, DirectoryError> {
    let Directory::Graph(settings) = &connector.directory else {
        return Ok(None);
    };
    let probe = graph::probe(settings).await;
    probe.map(Some).map_err(DirectoryError::Graph)
}

impl Findings {
    pub(crate) fn of(tables: &Tables) -> Self {
        let Tables { resolver, .. } = tables;
        let has_custom = tables.custom.is_some();
        Self {
            users: resolver.directory.len() as u64,
            guests: tables.guests,
            disabled: tables.disabled,
            custom: has_custom.then(|| resolver.custom.len() as u64),
            without_mailbox: resolver
                .directory
                .without_mailbox()
                .map(str::to_owned)
                .collect(),
            sample_mailbox: resolver.directory.sample_mailbox().map(str::to_owned),
            conflicts: tables.conflicts(),
        }
    }
}
