use chatkeep_microsoft365::{AuthError, GraphError, remedy};
use chatkeep_model::connector::Credential;
use chatkeep_staging::{FrameError, sorting::SortError};

use super::PERMISSION;

/// Why the users of a tenant cannot be read. No address, token or text of an answer is in it.
#[derive(Debug, thiserror::Error)]
pub enum GraphDirectoryError {
    /// Graph or Entra ID does not give them.
    #[error("read the tenant's users{}", advice(remedy.as_deref()))]
    Ask {
        /// What it says.
        source: GraphError,
        /// What an administrator does about it.
        remedy: Option<String>,
    },
    /// The mirror of the last refresh cannot be read now.
    #[error("read the users of the last refresh")]
    Known {
        /// The reason.
        source: FrameError,
    },
    /// They cannot be sorted outside memory.
    #[error("sort the tenant's users")]
    Sort {
        /// The reason.
        source: SortError,
    },
    /// The mirror cannot be written.
    #[error("write the tenant's users")]
    Write {
        /// The reason.
        source: FrameError,
    },
    /// The service is to stop; the refresh begins anew when it runs again.
    #[error("read the tenant's users: the service stops")]
    Stopped,
    /// The thread that worked on it panicked.
    #[error("work on the tenant's users")]
    Broken,
}

fn advice(remedy: Option<&str>) -> String {
    remedy.map_or_else(String::new, |remedy| format!("; {remedy}"))
}

impl GraphDirectoryError {
    pub(super) fn connect(source: AuthError, credential: &Credential) -> Self {
        Self::ask(GraphError::Auth(source), credential)
    }

    pub(super) fn ask(source: GraphError, credential: &Credential) -> Self {
        let remedy = remedy(&source, PERMISSION, &credential.client);
        Self::Ask { source, remedy }
    }

    /// Whether the mirror of the last refresh is damaged: then everybody is read anew.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Known { source } if !source.is_outage())
    }

    /// Whether nothing is wrong but that somebody does not answer.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Ask { source, .. } => source.is_temporary(),
            Self::Known { source } => source.is_outage(),
            Self::Stopped => true,
            Self::Sort { .. } | Self::Write { .. } | Self::Broken => false,
        }
    }
}

impl From<SortError> for GraphDirectoryError {
    fn from(source: SortError) -> Self {
        Self::Sort { source }
    }
}
