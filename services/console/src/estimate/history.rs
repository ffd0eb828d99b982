//! How fast imports go: as finished runs went, else as the target lets through.

use std::path::Path;

use chatkeep_model::connector::{Connector, Target};
use chatkeep_proto::v1::{
    ConnectorSummary, GetConnectorRequest, ListConnectorsRequest, ListRunsRequest, ReportResponse,
    RunState,
};
use tonic::{Code, Status};

use super::{Basis, ImportDuration, Volume, count, factor};
use crate::Services;

/// The newest runs of a connector, and other connectors, that are looked at.
const RUNS: u32 = 25;
const CONNECTORS: usize = 20;

/// Deliveries a second of all mailboxes of Exchange Online together, for which `docs/capacity.md` ("The target
/// decides") says to plan: the published limit of 4 requests at a time, read as that of the application.
const ONLINE: f64 = 20.0;
/// Requests a second of one mailbox of Exchange Online, 10,000 in 10 minutes, and bytes, 150 MB in 5 minutes
/// ("Microsoft Graph service-specific throttling limits", Outlook service limits). An item is a request.
const ONLINE_MAILBOX: f64 = 10_000.0 / 600.0;
const ONLINE_MAILBOX_BYTES: f64 = 150_000_000.0 / 300.0;

/// What is known of the pace before an import begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    basis: Basis,
    runs: u32,
    deliveries: u64,
    seconds: u64,
}

impl History {
    /// Looks for finished runs: the connector's own, else those of others with a target of the same type.
    pub(crate) async fn find(
        services: &mut Services,
        connector: &Connector,
    ) -> Result<Self, Status> {
        let mut own = Self::of(Basis::ConnectorRuns);
        own.add(&runs(services, &connector.id()).await?);
        if own.runs > 0 {
            return Ok(own);
        }
        let mut others = Self::of(Basis::SystemRuns);
        for other in comparable(services, connector).await? {
            others.add(&runs(services, &other).await?);
        }
        if others.runs > 0 {
            return Ok(others);
        }
        Ok(match connector.target {
            Target::Graph(_) => Self::of(Basis::TargetLimits),
            _ => Self::of(Basis::None),
        })
    }

    fn of(basis: Basis) -> Self {
        Self {
            basis,
            runs: 0,
            deliveries: 0,
            seconds: 0,
        }
    }

    /// Takes up what finished runs did, from opening to closing. One that took less than a second counts as one
    /// second: control tells whole ones.
    fn add(&mut self, runs: &[ReportResponse]) {
        for run in runs {
            let is_finished = matches!(
                run.state(),
                RunState::Succeeded | RunState::SucceededWithExceptions
            );
            let imported = run.deliveries.unwrap_or_default().imported;
            let Some(closed) = run.closed.filter(|_| is_finished && imported > 0) else {
                continue;
            };
            let seconds = closed.saturating_sub(run.opened).max(1);
            self.runs += 1;
            self.deliveries += imported;
            self.seconds += u64::try_from(seconds).unwrap_or(1);
        }
    }

    /// How long so much would take, of which a sample went into so many mailboxes: there are as many at least.
    /// Reading is not faster than `rows`, how many there are and how many are read in a second at most; reading
    /// and importing go on at the same time.
    pub(crate) fn duration(
        &self,
        volume: &Volume,
        mailboxes: u64,
        rows: Option<(u64, u32)>,
    ) -> ImportDuration {
        let pace = self.pace(volume, mailboxes);
        let importing = volume.deliveries.zip(pace);
        let importing = importing.map(|(deliveries, pace)| factor(deliveries) / pace);
        let reading = rows.filter(|(_, pace)| *pace > 0);
        let reading = reading.map_or(0.0, |(rows, pace)| factor(rows) / f64::from(pace));
        ImportDuration {
            seconds: importing.map(|seconds| count(seconds.max(reading).ceil())),
            deliveries_per_second: pace,
            basis: self.basis,
            runs: self.runs,
            run_deliveries: self.deliveries,
        }
    }

    /// Deliveries a second.
    fn pace(&self, volume: &Volume, mailboxes: u64) -> Option<f64> {
        match self.basis {
            Basis::ConnectorRuns | Basis::SystemRuns => {
                Some(factor(self.deliveries) / factor(self.seconds.max(1)))
            }
            Basis::TargetLimits => {
                let deliveries = volume.deliveries.filter(|deliveries| *deliveries > 0)?;
                let size = factor(volume.imported_bytes?) / factor(deliveries);
                let mailboxes = factor(mailboxes.max(1));
                let by_bytes = mailboxes * ONLINE_MAILBOX_BYTES / size.max(1.0);
                Some(ONLINE.min(mailboxes * ONLINE_MAILBOX).min(by_bytes))
            }
            Basis::None => None,
        }
    }
}

/// The newest runs of a connector; none of one that was never stored.
async fn runs(services: &mut Services, connector: &str) -> Result<Vec<ReportResponse>, Status> {
    let request = ListRunsRequest {
        connector: connector.to_owned(),
        limit: RUNS,
        before: 0,
        brief: true,
    };
    match services.control.list_runs(request).await {
        Ok(listed) => Ok(listed.into_inner().runs),
        Err(status) if status.code() == Code::NotFound => Ok(Vec::new()),
        Err(status) => Err(status),
    }
}

/// Other connectors that have run, and have a target of the same type.
async fn comparable(services: &mut Services, to: &Connector) -> Result<Vec<String>, Status> {
    let request = ListConnectorsRequest::default();
    let all = services.control.list_connectors(request).await?;
    let has_run = |one: &ConnectorSummary| one.last_run.is_some() && one.connector != to.id();
    let mut found = Vec::new();
    let all = all.into_inner().connectors.into_iter();
    for other in all.filter(has_run).take(CONNECTORS) {
        let request = GetConnectorRequest {
            connector: other.connector.clone(),
        };
        let stored = services.control.get_connector(request).await?.into_inner();
        let connector = Connector::parse(&stored.connector_file, Path::new("/"));
        // Older programs may have stored what this one refuses.
        if connector.is_ok_and(|one| one.target.type_name() == to.target.type_name()) {
            found.push(other.connector);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::Deliveries;

    use super::*;

    fn run(state: RunState, imported: u64, closed: Option<i64>) -> ReportResponse {
        ReportResponse {
            state: state.into(),
            opened: 100,
            closed,
            deliveries: Some(Deliveries {
                imported,
                ..Deliveries::default()
            }),
            ..ReportResponse::default()
        }
    }

    fn volume(deliveries: u64, imported_bytes: u64) -> Volume {
        Volume {
            deliveries: Some(deliveries),
            imported_bytes: Some(imported_bytes),
            ..Volume::default()
        }
    }

    #[test]
    fn the_pace_is_that_of_runs_that_are_finished_and_have_imported_something() {
        let mut history = History::of(Basis::ConnectorRuns);

        history.add(&[
            run(RunState::Succeeded, 300, Some(120)),
            run(RunState::SucceededWithExceptions, 10, Some(100)),
            run(RunState::Succeeded, 0, Some(900)),
            run(RunState::Failed, 50, Some(900)),
            run(RunState::Running, 50, None),
        ]);

        let duration = history.duration(&volume(1_000, 1), 1, None);
        assert_eq!((duration.runs, duration.run_deliveries), (2, 310));
        assert_eq!(duration.deliveries_per_second, Some(310.0 / 21.0));
        assert_eq!(duration.seconds, Some(68));
    }

    #[test]
    fn exchange_online_takes_what_its_limits_let_through() {
        let history = History::of(Basis::TargetLimits);
        let pace = |mailboxes: u64, size: u64| {
            let duration = history.duration(&volume(600, 600 * size), mailboxes, None);
            duration.deliveries_per_second
        };

        assert_eq!(pace(50, 1_000), Some(ONLINE));
        assert_eq!(pace(1, 1_000), Some(ONLINE_MAILBOX));
        assert_eq!(pace(1, 500_000), Some(1.0));
        let duration = history.duration(&volume(600, 600), 50, None);
        assert_eq!(duration.seconds, Some(30));
    }

    #[test]
    fn a_source_that_is_read_slowly_takes_as_long_as_that() {
        let mut history = History::of(Basis::ConnectorRuns);
        history.add(&[run(RunState::Succeeded, 100, Some(101))]);

        let duration = history.duration(&volume(100, 1), 1, Some((5_000, 10)));

        assert_eq!(duration.seconds, Some(500));
    }

    #[test]
    fn where_nothing_says_the_pace_no_duration_is_said() {
        let history = History::of(Basis::None);

        let duration = history.duration(&volume(100, 1), 1, Some((5_000, 10)));

        assert_eq!(
            (duration.seconds, duration.deliveries_per_second),
            (None, None)
        );
    }
}
