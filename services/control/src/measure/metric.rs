use opentelemetry::KeyValue;

/// A value of a metric, with what tells it apart from others.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) metric: Metric,
    pub(super) value: u64,
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Records,
    Deliveries,
    Items,
    Findings,
    Held,
    HeldSince,
    Failed,
    State,
    Number,
    Opened,
    Closed,
    Due,
    Lag,
    Horizon,
    Margin,
    Proposals,
    OpenTasks,
    OldestTask,
    Deleted,
    Cleared,
    LookedThrough,
    Reports,
}

impl Metric {
    pub(super) const ALL: [Self; 22] = [
        Self::Records,
        Self::Deliveries,
        Self::Items,
        Self::Findings,
        Self::Held,
        Self::HeldSince,
        Self::Failed,
        Self::State,
        Self::Number,
        Self::Opened,
        Self::Closed,
        Self::Due,
        Self::Lag,
        Self::Horizon,
        Self::Margin,
        Self::Proposals,
        Self::OpenTasks,
        Self::OldestTask,
        Self::Deleted,
        Self::Cleared,
        Self::LookedThrough,
        Self::Reports,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Records => "chatkeep.run.records",
            Self::Deliveries => "chatkeep.run.deliveries",
            Self::Items => "chatkeep.run.items",
            Self::Findings => "chatkeep.run.findings",
            Self::Held => "chatkeep.held.deliveries",
            Self::HeldSince => "chatkeep.held.since",
            Self::Failed => "chatkeep.failed.deliveries",
            Self::State => "chatkeep.run.state",
            Self::Number => "chatkeep.run.number",
            Self::Opened => "chatkeep.run.opened",
            Self::Closed => "chatkeep.run.closed",
            Self::Due => "chatkeep.schedule.due",
            Self::Lag => "chatkeep.schedule.lag",
            Self::Horizon => "chatkeep.source.horizon",
            Self::Margin => "chatkeep.source.margin",
            Self::Proposals => "chatkeep.proposals.waiting",
            Self::OpenTasks => "chatkeep.tasks.open",
            Self::OldestTask => "chatkeep.tasks.oldest",
            Self::Deleted => "chatkeep.janitor.deleted",
            Self::Cleared => "chatkeep.janitor.runs",
            Self::LookedThrough => "chatkeep.janitor.passed",
            Self::Reports => "chatkeep.reports",
        }
    }
}

pub(super) fn sample(
    metric: Metric,
    value: u64,
    attributes: impl IntoIterator<Item = KeyValue>,
) -> Sample {
    Sample {
        metric,
        value,
        attributes: attributes.into_iter().collect(),
    }
}
