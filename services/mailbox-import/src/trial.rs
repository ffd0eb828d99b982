//! What a tenant of Microsoft 365 says to questions that no simulator can answer.

use chatkeep_model::connector::{Connector, Target};

use crate::{
    Settings, graph,
    graph::GraphTarget,
    target::{TargetError, Tenants},
};

/// Something that only a real tenant can tell. The numbers in its text are those of the list in
/// `docs/microsoft-365.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What should be so, or where to look, for the administrator.
    pub text: String,
    /// Whether it is so.
    pub verdict: Verdict,
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// It could not be tried, or there is nothing to try it with.
    NotTried,
    /// No program can see it.
    ToLookAt,
}

#[cfg_attr(
    not(feature = "microsoft365"),
    expect(dead_code, reason = "made by what is not built in")
)]
impl Point {
    pub(crate) fn passed(text: impl Into<String>) -> Self {
        Self::of(text, Verdict::Passed)
    }

    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::of(text, Verdict::Failed)
    }

    pub(crate) fn not_tried(text: impl Into<String>) -> Self {
        Self::of(text, Verdict::NotTried)
    }

    pub(crate) fn to_look_at(text: impl Into<String>) -> Self {
        Self::of(text, Verdict::ToLookAt)
    }

    /// Passed, or failed for a reason.
    pub(crate) fn judged(text: &str, judged: Result<(), String>) -> Self {
        match judged {
            Ok(()) => Self::passed(text),
            Err(reason) => Self::failed(format!("{text}: {reason}")),
        }
    }

    fn of(text: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            text: text.into(),
            verdict,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the tenant canary is for the target graph; this connector's target is {0}")]
struct NoTenant(&'static str);

/// Puts synthetic messages into a folder of its own in one mailbox of the target, looks at what became
/// of them, and removes them with their folder, also where something fails. What a run imports is not
/// touched. An error where the target is no tenant, or does not answer.
pub async fn tenant_canary(
    connector: &Connector,
    settings: &Settings,
    mailbox: &str,
) -> Result<Vec<Point>, TargetError> {
    let Target::Graph(tenant) = &connector.target else {
        return Err(TargetError::Setup {
            source: NoTenant(connector.target.type_name()).into(),
        });
    };
    let class = &connector.item.class;
    let target = GraphTarget::new(tenant, class, settings.timeouts(), &Tenants::default())?;
    graph::trial(&target, tenant, connector, mailbox).await
}
