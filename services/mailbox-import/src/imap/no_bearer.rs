//! Stands in for `bearer` where the program is built without it.

#![expect(
    clippy::unused_async,
    reason = "who calls them does not know which of both there is"
)]

use chatkeep_model::connector::Credential;
use chatkeep_runtime::secret::Secret;

use crate::target::{TargetError, Timeouts};

#[derive(Debug, thiserror::Error)]
#[error("this program is built without Microsoft 365; build it with the feature `microsoft365`")]
struct NotBuiltIn;

fn not_built_in() -> TargetError {
    TargetError::Setup {
        source: NotBuiltIn.into(),
    }
}

pub(crate) struct Bearer;

impl Bearer {
    pub(crate) fn new(_: &Credential, _: &str, _: Timeouts) -> Result<Self, TargetError> {
        Err(not_built_in())
    }

    pub(crate) async fn token(&self) -> Result<Secret, TargetError> {
        Err(not_built_in())
    }

    pub(crate) async fn forget(&self, _: &Secret) {}
}
