//! What control tells about runs in metrics: the newest run of each connector, and what is left to do.

mod backlog;
mod failed;
mod held;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chatkeep_proto::v1::RunState;
use chatkeep_runtime::Outages;
use opentelemetry::{KeyValue, metrics::Meter};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    approval::waiting_of,
    balance::{self, Balance},
    database::{Connection, query},
    director,
    error::{During as _, LedgerError},
    horizon,
    ledger::{
        Ledger, connector_id, findings, is_running,
        run::{self, RunRow},
    },
    mail,
};

/// Pause between two looks at the ledger, however often metrics are read.
const PAUSE: Duration = Duration::from_secs(5);

/// A value of a metric, with what tells it apart from others.
#[derive(Clone, Debug)]
struct Sample {
    metric: Metric,
    value: u64,
    attributes: Vec<KeyValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
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
    const ALL: [Self; 22] = [
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

    fn name(self) -> &'static str {
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

/// Looks at the ledger when metrics are read: each reading shows what the one before it asked for.
/// Where nobody reads metrics, nobody looks.
pub(crate) struct Watcher {
    ledger: Arc<Ledger>,
    samples: Arc<Mutex<Vec<Sample>>>,
    asked: Arc<Notify>,
    /// Balances of runs that are closed, which change when they are sealed again.
    closed: HashMap<i64, (i64, Balance)>,
}

impl Watcher {
    pub(crate) fn new(ledger: Arc<Ledger>, meter: &Meter, outages: &Outages) -> Self {
        let samples = Arc::<Mutex<Vec<Sample>>>::default();
        let asked = Arc::<Notify>::default();
        for metric in Metric::ALL {
            let (samples, asked) = (Arc::clone(&samples), Arc::clone(&asked));
            let gauge = meter.u64_observable_gauge(metric.name());
            // Whoever reads the metrics asks; nobody has to hold it.
            let _ = gauge
                .with_callback(move |gauge| {
                    asked.notify_one();
                    let samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
                    for sample in samples.iter().filter(|sample| sample.metric == metric) {
                        gauge.observe(sample.value, &sample.attributes);
                    }
                })
                .build();
        }
        outages.measure(meter, director::SERVICE);
        Self {
            ledger,
            samples,
            asked,
            closed: HashMap::new(),
        }
    }

    /// Runs until the process shuts down.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut pause = Duration::ZERO;
        loop {
            let asked = async {
                tokio::time::sleep(pause).await;
                self.asked.notified().await;
            };
            if shutdown.run_until_cancelled(asked).await.is_none() {
                return Ok(());
            }
            pause = PAUSE;
            match self.look().await {
                Ok(samples) => {
                    *self.samples.lock().unwrap_or_else(PoisonError::into_inner) = samples;
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::debug!(error, "metrics of runs not read");
                }
            }
        }
    }

    async fn look(&mut self) -> Result<Vec<Sample>, LedgerError> {
        let ledger = Arc::clone(&self.ledger);
        let mut conn = ledger.database.read().await?;
        let newest = "number > 0 AND id IN \
            (SELECT MAX(id) FROM runs WHERE number > 0 GROUP BY connector)";
        let runs = run::select(&mut conn, newest, &[], "ORDER BY id").await?;
        let mut samples = backlog::open_tasks(&mut conn).await?;
        samples.extend(cleared(&mut conn).await?);
        samples.extend(held::held(&mut conn).await?);
        samples.extend(failed::failed(&mut conn).await?);
        let proposals = waiting_of(&mut conn, "").await?;
        samples.push(sample(Metric::Proposals, proposals, []));
        let now = ledger.clock.now() / 1000;
        samples.extend(backlog::oldest(&mut conn, now).await?);
        samples.extend(schedules(&mut conn, now).await?);
        samples.extend(horizons(&mut conn, now).await?);
        samples.extend(reports(&mut conn).await?);
        for run in &runs {
            let connector = connector_id(&mut conn, run.connector).await?;
            let connector = KeyValue::new("chatkeep.connector.id", connector);
            samples.extend(state(run, &connector));
            let found = findings::counts(&mut conn, run.id).await?;
            samples.extend(found.into_iter().map(|(kind, count)| {
                let kind = KeyValue::new("chatkeep.finding", kind);
                sample(Metric::Findings, count, [connector.clone(), kind])
            }));
            samples.extend(if is_running(run.status) && run.seals == 0 {
                progress(run, &connector)
            } else {
                balanced(&self.balance(&mut conn, run).await?, &connector)
            });
        }
        self.closed
            .retain(|known, _| runs.iter().any(|run| run.id == *known));
        Ok(samples)
    }

    /// What a closed run came to, added up once.
    async fn balance(
        &mut self,
        conn: &mut Connection,
        run: &RunRow,
    ) -> Result<Balance, LedgerError> {
        if let Some((seals, balance)) = self.closed.get(&run.id)
            && *seals == run.seals
            && run.seals > 0
        {
            return Ok(*balance);
        }
        let balance = balance::compute(conn, run).await?;
        self.closed.insert(run.id, (run.seals, balance));
        Ok(balance)
    }
}

fn sample(metric: Metric, value: u64, attributes: impl IntoIterator<Item = KeyValue>) -> Sample {
    Sample {
        metric,
        value,
        attributes: attributes.into_iter().collect(),
    }
}

fn state(run: &RunRow, connector: &KeyValue) -> Vec<Sample> {
    let name = match run.status {
        RunState::Unspecified => "unknown",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Succeeded => "succeeded",
        RunState::SucceededWithExceptions => "succeeded with exceptions",
        RunState::Unreconciled => "unreconciled",
        RunState::Failed => "failed",
        RunState::NothingNew => "nothing new",
        RunState::Cancelled => "cancelled",
    };
    let state = KeyValue::new("chatkeep.run.state", name);
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    let (number, opened) = (unsigned(run.number), unsigned(run.opened / 1000));
    let mut samples = vec![
        sample(Metric::State, 1, [connector.clone(), state]),
        sample(Metric::Number, number, [connector.clone()]),
        sample(Metric::Opened, opened, [connector.clone()]),
    ];
    let closed = run
        .closed
        .and_then(|closed| u64::try_from(closed / 1000).ok());
    samples.extend(closed.map(|closed| sample(Metric::Closed, closed, [connector.clone()])));
    samples
}

/// What a run that is not closed has counted so far.
fn progress(run: &RunRow, connector: &KeyValue) -> Vec<Sample> {
    let counters = run.counters;
    let of = |metric, state: &'static str, value| {
        let state = KeyValue::new("chatkeep.outcome", state);
        sample(metric, value, [connector.clone(), state])
    };
    vec![
        of(Metric::Records, "read", counters.records),
        of(Metric::Deliveries, "planned", counters.planned),
        of(Metric::Deliveries, "done", counters.done),
        sample(Metric::Items, counters.items, [connector.clone()]),
    ]
}

/// Both equations of a run.
fn balanced(balance: &Balance, connector: &KeyValue) -> Vec<Sample> {
    let (records, deliveries) = (balance.records(0), balance.deliveries());
    let records = [
        ("read", records.read),
        ("rendered", records.rendered),
        ("duplicates", records.duplicates),
        ("excluded", records.excluded),
        ("quarantined", records.quarantined),
        ("open", records.open),
    ];
    let deliveries = [
        ("planned", deliveries.planned),
        ("imported", deliveries.imported),
        ("partially imported", deliveries.partially_imported),
        ("skipped", deliveries.skipped),
        ("failed", deliveries.failed),
        ("held", deliveries.held),
    ];
    let of = |metric, (state, value): (&'static str, u64)| {
        let state = KeyValue::new("chatkeep.outcome", state);
        sample(metric, value, [connector.clone(), state])
    };
    let items = u64::try_from(balance.items).unwrap_or(0);
    let records = records.map(|record| of(Metric::Records, record));
    let deliveries = deliveries.map(|delivery| of(Metric::Deliveries, delivery));
    let items = sample(Metric::Items, items, [connector.clone()]);
    records
        .into_iter()
        .chain(deliveries)
        .chain([items])
        .collect()
}

/// When scheduled runs are due, and how far they are behind. `now` in seconds.
async fn schedules(conn: &mut Connection, now: i64) -> Result<Vec<Sample>, LedgerError> {
    let statement = query(
        "SELECT c.name_id, s.due, s.covered FROM schedules s JOIN connectors c ON c.id = s.connector \
         WHERE s.due IS NOT NULL",
    );
    let rows = statement.fetch(conn).await.during("read schedules")?;
    let mut samples = Vec::new();
    for row in rows {
        let columns = || Ok((row.text(0)?, row.int(1)?, row.maybe_int(2)?));
        let (connector, due, covered) = columns().during("read schedules")?;
        let connector = KeyValue::new("chatkeep.connector.id", connector);
        let unsigned = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
        samples.push(sample(
            Metric::Due,
            unsigned(due / 1000),
            [connector.clone()],
        ));
        let lag = covered.map(|covered| unsigned(now - covered));
        samples.extend(lag.map(|lag| sample(Metric::Lag, lag, [connector.clone()])));
    }
    Ok(samples)
}

/// How long what was not read of databases yet is safe from their servers' purges. `now` in seconds.
async fn horizons(conn: &mut Connection, now: i64) -> Result<Vec<Sample>, LedgerError> {
    let statement = query("SELECT id, name_id FROM connectors WHERE deleted IS NULL ORDER BY id");
    let rows = statement.fetch(conn).await.during("read connectors")?;
    let mut samples = Vec::new();
    for row in rows {
        let columns = || Ok((row.int(0)?, row.text(1)?));
        let (key, connector) = columns().during("read connectors")?;
        for horizon in horizon::of_connector(conn, key).await? {
            let attributes = [
                KeyValue::new("chatkeep.connector.id", connector.clone()),
                KeyValue::new("chatkeep.source.database", horizon.database),
            ];
            let unsigned = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
            let margin = unsigned(horizon.margin);
            samples.push(sample(Metric::Margin, margin, attributes.clone()));
            let left = horizon.purged.map(|purged| unsigned(purged - now));
            samples.extend(left.map(|left| sample(Metric::Horizon, left, attributes)));
        }
    }
    Ok(samples)
}

/// What became of the mails about runs.
async fn reports(conn: &mut Connection) -> Result<Vec<Sample>, LedgerError> {
    let counts = mail::counts(conn).await?.into_iter().map(|count| {
        let connector = KeyValue::new("chatkeep.connector.id", count.connector);
        let outcome = KeyValue::new("chatkeep.outcome", count.outcome);
        sample(Metric::Reports, count.reports, [connector, outcome])
    });
    Ok(counts.collect())
}

/// What the janitor has deleted since the ledger was made, and when it was through last.
async fn cleared(conn: &mut Connection) -> Result<Vec<Sample>, LedgerError> {
    let statement = query(
        "SELECT deleted, orphaned, emptied, (SELECT COUNT(*) FROM cleared), passed FROM janitor \
         WHERE id = 1",
    );
    let row = statement.fetch_optional(conn).await;
    let Some(row) = row.during("read what was cleared")? else {
        return Ok(Vec::new());
    };
    let count = |column| row.count(column).during("read what was cleared");
    let (runs, passed) = (count(3)?, count(4)?);
    let of = |outcome: &'static str, blobs| {
        let outcome = KeyValue::new("chatkeep.outcome", outcome);
        sample(Metric::Deleted, blobs, [outcome])
    };
    Ok(vec![
        of("deleted", count(0)?),
        of("orphaned", count(1)?),
        of("emptied", count(2)?),
        sample(Metric::Cleared, runs, []),
        sample(Metric::LookedThrough, passed / 1000, []),
    ])
}
