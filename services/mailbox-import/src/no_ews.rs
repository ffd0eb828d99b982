//! Stands in for `ews` where the program is built without it.

#![expect(
    clippy::unused_async,
    reason = "who calls it does not know which of both there is"
)]

use std::convert::Infallible;

use async_trait::async_trait;
use chatkeep_model::connector;

use crate::{
    check::Finding,
    target::{Mailbox, Target, TargetError, Tenants, Timeouts},
};

/// There is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EwsTarget(Infallible);

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this program is built without Microsoft 365; build it with the feature `microsoft365`")]
struct Missing;

impl EwsTarget {
    pub(crate) fn new(
        _: &connector::EwsTarget,
        _: &str,
        _: Timeouts,
        _: &Tenants,
    ) -> Result<Self, TargetError> {
        Err(TargetError::Setup {
            source: Missing.into(),
        })
    }
}

pub(crate) async fn check(
    target: &EwsTarget,
    _: &connector::EwsTarget,
    _: Option<&str>,
) -> Result<Vec<Finding>, TargetError> {
    match target.0 {}
}

#[async_trait]
impl Target for EwsTarget {
    async fn open(&self, _: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        match self.0 {}
    }

    fn needs_fence(&self) -> bool {
        match self.0 {}
    }
}
