//! What queue and ledger were asked for, as they count it themselves.

use anyhow::Context as _;

use crate::{measure::float, servers::Servers, system::System};

/// Counts since the servers started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// Messages that RabbitMQ got from clients.
    pub(super) messages: f64,
    /// Calls of the ledger that control answered.
    pub(super) calls: f64,
    /// Statements that PostgreSQL executed for control, those that begin and end transactions included.
    pub(super) statements: f64,
    /// Those of them that write.
    pub(super) writes: f64,
    /// Transactions that control committed.
    pub(super) commits: f64,
}

impl Counters {
    /// What PostgreSQL needs to be told to count statements.
    pub(super) const SETTINGS: [(&str, &str); 1] =
        [("shared_preload_libraries", "pg_stat_statements")];

    /// Lets PostgreSQL count.
    pub(super) fn prepare(servers: &Servers) -> anyhow::Result<()> {
        let extension = "CREATE EXTENSION pg_stat_statements";
        servers.postgres().run(extension)?;
        Ok(())
    }

    /// Reads them.
    pub(super) fn read(system: &mut System) -> anyhow::Result<Self> {
        let servers = &system.servers;
        let messages = float(servers.rabbitmq().published()?);
        let count = |condition: &str| -> anyhow::Result<f64> {
            let sql = format!(
                "SELECT COALESCE(SUM(calls), 0) FROM pg_stat_statements \
                 WHERE userid = '{}'::regrole AND {condition}",
                chatkeep_testkit::Postgres::USER
            );
            let counted = servers.postgres().run(&sql)?;
            counted.trim().parse().context("count statements")
        };
        Ok(Self {
            messages,
            statements: count("true")?,
            writes: count("query ~ '^(INSERT|UPDATE|DELETE)'")?,
            commits: count("query = 'COMMIT'")?,
            calls: calls(system)?,
        })
    }

    /// What was counted since.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            messages: self.messages - before.messages,
            calls: self.calls - before.calls,
            statements: self.statements - before.statements,
            writes: self.writes - before.writes,
            commits: self.commits - before.commits,
        }
    }
}

/// Calls of the ledger, from the metrics of control.
fn calls(system: &mut System) -> anyhow::Result<f64> {
    let mut calls = 0.0;
    for control in system.of("control") {
        let (_, metrics) = control.get("/metrics").context("read metrics")?;
        let counts = metrics.lines().filter(|line| {
            line.starts_with("rpc_server_call_duration_seconds_count")
                && line.contains("chatkeep.v1.Ledger/")
        });
        let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        calls += counts.sum::<f64>();
    }
    Ok(calls)
}
