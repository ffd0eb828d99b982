//! Stands in for `graph` where the program is built without it.

#![expect(
    clippy::unused_async,
    clippy::unused_self,
    reason = "who calls them does not know which of both there is"
)]

use std::io::Write;

use chatkeep_model::connector::GraphDirectory;
use tokio_util::sync::CancellationToken;

use crate::{
    check::TenantProbe,
    mirrored::{Previous, Users},
};

/// Why the users of a tenant cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this program is built without Microsoft 365; build it with the feature `microsoft365`")]
pub struct GraphDirectoryError;

impl GraphDirectoryError {
    /// Whether the mirror of the last refresh is damaged.
    pub(crate) fn is_damage(self) -> bool {
        false
    }

    /// Whether nothing is wrong but that somebody does not answer.
    pub fn is_outage(self) -> bool {
        false
    }
}

pub(crate) async fn sample_mailbox(
    _: &GraphDirectory,
) -> Result<Option<String>, GraphDirectoryError> {
    Err(GraphDirectoryError)
}

pub(crate) async fn probe(_: &GraphDirectory) -> Result<TenantProbe, GraphDirectoryError> {
    Err(GraphDirectoryError)
}

pub(crate) async fn read<W: Write + Send + 'static>(
    _: &GraphDirectory,
    _: Option<Previous>,
    _: W,
    _: &CancellationToken,
) -> Result<Users<W>, GraphDirectoryError> {
    Err(GraphDirectoryError)
}
