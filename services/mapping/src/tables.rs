//! Directory and custom mapping of a connector, as they are right now.

use std::{
    io::{self, Cursor},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use chatkeep_model::connector::{self, Connector, GraphDirectory, LdapDirectory};
use chatkeep_pipeline::{ResultExt as _, StageError, Verdict};
use chatkeep_proto::v1::{Mirror, Refreshed};
use chatkeep_staging::{Blob, BlobKind, Spool, Staging};
use tokio_util::sync::CancellationToken;

use crate::{
    custom::CustomMapping,
    directory::Directory,
    graph::{self, GraphDirectoryError},
    index::{Conflict, Index},
    ldap::{self, LdapProblem},
    mirrored::{Previous, Users},
    resolve::{Resolver, Rules},
    table::TableError,
};

/// What the directory and the files that a connector names say.
pub(crate) struct Tables {
    /// The directory's snapshot.
    pub(crate) directory: Bytes,
    /// The custom mapping's snapshot, where the connector has one.
    pub(crate) custom: Option<Vec<u8>>,
    /// Guests left out of the directory.
    pub(crate) guests: u64,
    /// Users that may not sign in, where the directory says so.
    pub(crate) disabled: u64,
    /// Both, ready to be asked.
    pub(crate) resolver: Resolver,
}

/// The mirror of a directory that tells its changes, on its way into staging.
struct NewMirror {
    users: Spool,
    changes: String,
}

/// Why directory or custom mapping cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A file cannot be used.
    #[error(transparent)]
    Table(TableError),
    /// The users of a tenant cannot be had.
    #[error(transparent)]
    Graph(GraphDirectoryError),
    /// The users of Active Directory cannot be had.
    #[error(transparent)]
    Ldap(LdapProblem),
    /// The thread that read the files panicked.
    #[error("read directory")]
    Broken,
}

/// What a directory says, before it is looked into.
struct Read {
    snapshot: Bytes,
    guests: u64,
    disabled: u64,
}

impl Tables {
    /// Reads everything, a tenant or a domain in full; `custom` is the content of a mapping in place of the
    /// connector's. Stores nothing.
    pub(crate) async fn read(
        connector: &Connector,
        custom: Option<String>,
    ) -> Result<Self, DirectoryError> {
        let read = match &connector.directory {
            connector::Directory::Csv { path } => file(path).await?,
            connector::Directory::Graph(settings) => {
                // Whoever asks waits for the answer, and goes when it is to stop.
                let never = CancellationToken::new();
                let users = graph::read(settings, None, io::sink(), &never).await;
                Read::of(users.map_err(DirectoryError::Graph)?).0
            }
            connector::Directory::Ldap(settings) => {
                let users = ldap::read(settings, None, io::sink()).await;
                Read::of(users.map_err(DirectoryError::Ldap)?).0
            }
        };
        Self::of(connector, read, custom).await
    }

    /// Reads everything, of a tenant or a domain what changed since `known`, and stores it as snapshots: the same
    /// content is the same blob.
    pub(crate) async fn refresh(
        connector: &Connector,
        known: Option<&Mirror>,
        staging: &Staging,
        shutdown: &CancellationToken,
    ) -> Result<Refreshed, StageError> {
        let (read, mirror) = match &connector.directory {
            connector::Directory::Csv { path } => (file(path).await.map_err(unreadable)?, None),
            connector::Directory::Graph(settings) => {
                let (read, mirror) = tenant(settings, known, staging, shutdown).await?;
                (read, Some(mirror))
            }
            connector::Directory::Ldap(settings) => {
                let (read, mirror) = domain(settings, known, staging).await?;
                (read, Some(mirror))
            }
        };
        let tables = Self::of(connector, read, None).await.map_err(unreadable)?;
        let mut refreshed = tables.store(staging).await?;
        if let Some(NewMirror { users, changes }) = mirror {
            let users = staging.commit(BlobKind::Directory, users).await;
            let users = Some(users.or_retry("store mirror")?);
            refreshed.mirror = Some(Mirror { users, changes });
        }
        Ok(refreshed)
    }

    async fn of(
        connector: &Connector,
        read: Read,
        custom: Option<String>,
    ) -> Result<Self, DirectoryError> {
        let Read {
            snapshot,
            guests,
            disabled,
        } = read;
        let rules = Rules::of(connector);
        let path = connector.mapping.custom.clone();
        blocking(move || {
            let custom = match custom {
                Some(csv) => Some(CustomMapping::unstored(csv)?),
                None => path.as_deref().map(CustomMapping::open).transpose()?,
            };
            let reader = Cursor::new(snapshot.clone());
            Ok(Self {
                directory: snapshot,
                custom: custom.as_ref().map(CustomMapping::to_csv),
                guests,
                disabled,
                resolver: Resolver {
                    rules,
                    directory: Arc::new(Index::read(Path::new("directory snapshot"), reader)?),
                    custom: Arc::new(custom.unwrap_or_default()),
                },
            })
        })
        .await
    }

    /// Addresses that more than one user has and the custom mapping does not decide.
    pub(crate) fn conflicts(&self) -> Vec<Conflict> {
        let mut conflicts = self.resolver.directory.conflicts().to_vec();
        conflicts.retain(|conflict| self.resolver.custom.mailbox(&conflict.address).is_none());
        conflicts
    }

    /// Stores both as snapshots.
    pub(crate) async fn store(self, staging: &Staging) -> Result<Refreshed, StageError> {
        let conflicts = self.conflicts().len();
        let custom_mapping = match self.custom {
            Some(custom) => Some(store(staging, custom).await?),
            None => None,
        };
        Ok(Refreshed {
            directory: Some(store(staging, self.directory).await?),
            custom_mapping,
            conflicts: u32::try_from(conflicts).unwrap_or(u32::MAX),
            mirror: None,
        })
    }
}

impl Read {
    /// With the mirror and where its changes are told.
    fn of<W>(users: Users<W>) -> (Self, W, String) {
        let Users {
            snapshot,
            guests,
            disabled,
            mirror,
            changes,
        } = users;
        let read = Self {
            snapshot: snapshot.into(),
            guests,
            disabled,
        };
        (read, mirror, changes)
    }
}

async fn file(path: &Path) -> Result<Read, DirectoryError> {
    let path = path.to_owned();
    blocking(move || {
        let directory = Directory::open(&path)?;
        Ok(Read {
            snapshot: directory.to_csv().into(),
            guests: directory.guests,
            disabled: 0,
        })
    })
    .await
}

/// Reads what changed since `known`, or everybody where the mirror is gone or damaged.
async fn tenant(
    settings: &GraphDirectory,
    known: Option<&Mirror>,
    staging: &Staging,
    shutdown: &CancellationToken,
) -> Result<(Read, NewMirror), StageError> {
    let previous = previous(known, staging).await?;
    let spool = || staging.spool().or_retry("store mirror");
    let users = match graph::read(settings, previous, spool()?, shutdown).await {
        Err(error) if error.is_damage() => graph::read(settings, None, spool()?, shutdown).await,
        users => users,
    };
    let users = users.map_err(|error| unreadable(DirectoryError::Graph(error)))?;
    let (read, users, changes) = Read::of(users);
    Ok((read, NewMirror { users, changes }))
}

/// Reads what changed since `known`, or everybody where that cannot be gone on from.
async fn domain(
    settings: &LdapDirectory,
    known: Option<&Mirror>,
    staging: &Staging,
) -> Result<(Read, NewMirror), StageError> {
    let previous = previous(known, staging).await?;
    let spool = staging.spool().or_retry("store mirror")?;
    let users = ldap::read(settings, previous, spool).await;
    let users = users.map_err(|error| unreadable(DirectoryError::Ldap(error)))?;
    let (read, users, changes) = Read::of(users);
    Ok((read, NewMirror { users, changes }))
}

/// The mirror of the last refresh; `None` where there is none, or staging has it no longer.
async fn previous(
    known: Option<&Mirror>,
    staging: &Staging,
) -> Result<Option<Previous>, StageError> {
    let Some((known, users)) = known.and_then(|known| known.users.as_ref().map(|it| (known, it)))
    else {
        return Ok(None);
    };
    match staging.open(users).await {
        Ok(users) => Ok(Some(Previous {
            users,
            changes: known.changes.clone(),
        })),
        Err(error) if error.is_outage() => Err(error).or_retry("open mirror"),
        Err(_) => Ok(None),
    }
}

/// What the file says will not change by trying again; whether it can be read may, and what an
/// administrator puts right in the tenant.
fn unreadable(error: DirectoryError) -> StageError {
    let verdict = match &error {
        DirectoryError::Table(TableError::Column { .. } | TableError::Row { .. }) => {
            Verdict::Reject
        }
        DirectoryError::Graph(error) if error.is_outage() => Verdict::Wait,
        DirectoryError::Ldap(error) if error.is_outage() => Verdict::Wait,
        _ => Verdict::Retry,
    };
    StageError::new(verdict, "read directory", error)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TableError> + Send + 'static,
) -> Result<T, DirectoryError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| DirectoryError::Broken)?;
    done.map_err(DirectoryError::Table)
}

async fn store(staging: &Staging, snapshot: impl Into<Bytes>) -> Result<Blob, StageError> {
    let stored = staging.put(BlobKind::Directory, snapshot).await;
    stored.or_retry("store snapshot")
}
