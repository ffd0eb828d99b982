//! What control tells about runs in metrics: the newest run of each connector, and what is left to do.

mod backlog;
mod failed;
mod held;
mod metric;
mod runs;
mod schedules;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chatkeep_runtime::Outages;
use opentelemetry::{KeyValue, metrics::Meter};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::metric::{Metric, Sample, sample};
use crate::{
    approval::waiting_of,
    balance::{self, Balance},
    database::{Connection, query},
    director,
    error::{During as _, LedgerError},
    ledger::{
        Ledger, connector_id, findings, is_running,
        run::{self, RunRow},
    },
    mail,
};

/// Pause between two looks at the ledger, however often metrics are read.
const PAUSE: Duration = Duration::from_secs(5);

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
        samples.extend(schedules::schedules(&mut conn, now).await?);
        samples.extend(schedules::horizons(&mut conn, now).await?);
        samples.extend(reports(&mut conn).await?);
        for run in &runs {
            let connector = connector_id(&mut conn, run.connector).await?;
            let connector = KeyValue::new("chatkeep.connector.id", connector);
            samples.extend(runs::state(run, &connector));
            let found = findings::counts(&mut conn, run.id).await?;
            samples.extend(found.into_iter().map(|(kind, count)| {
                let kind = KeyValue::new("chatkeep.finding", kind);
                sample(Metric::Findings, count, [connector.clone(), kind])
            }));
            samples.extend(if is_running(run.status) && run.seals == 0 {
                runs::progress(run, &connector)
            } else {
                runs::balanced(&self.balance(&mut conn, run).await?, &connector)
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
