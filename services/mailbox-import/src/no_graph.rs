//! Stands in for `graph` where the program is built without it.

#![expect(
    clippy::unused_async,
    reason = "who calls it does not know which of both there is"
)]

use std::convert::Infallible;

use async_trait::async_trait;
use chatkeep_model::connector::{self, Connector};

use crate::{
    check::Finding,
    target::{Mailbox, Target, TargetError, Timeouts},
    trial::Point,
};

/// The tenants that a process imports into: none.
#[derive(Clone, Debug, Default)]
pub struct Tenants(());

/// There is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GraphTarget(Infallible);

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this program is built without Microsoft 365; build it with the feature `microsoft365`")]
struct Missing;

impl GraphTarget {
    pub(crate) fn new(
        _: &connector::GraphTarget,
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
    target: &GraphTarget,
    _: &connector::GraphTarget,
    _: Option<&str>,
) -> Result<Vec<Finding>, TargetError> {
    match target.0 {}
}

pub(crate) async fn trial(
    target: &GraphTarget,
    _: &connector::GraphTarget,
    _: &Connector,
    _: &str,
) -> Result<Vec<Point>, TargetError> {
    match target.0 {}
}

#[async_trait]
impl Target for GraphTarget {
    async fn open(&self, _: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        match self.0 {}
    }

    fn needs_fence(&self) -> bool {
        match self.0 {}
    }
}
