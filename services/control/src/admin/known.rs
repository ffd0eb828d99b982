//! What is known of runs beside their own rows, without adding anything up.

use std::collections::HashMap;

use chatkeep_proto::v1::{Listed, Mailing, ReportResponse};

use crate::{
    balance::Balance,
    database::{Cell, Connection, DatabaseError, LIST, query},
    error::{During as _, LedgerError},
    ledger::{findings, run::RunRow},
    mail::mailings,
};

/// Of runs by their ids. It is read for many at once: a page of runs must not cost a statement for each.
#[derive(Default)]
pub(super) struct Known {
    seals: HashMap<i64, Seal>,
    findings: HashMap<i64, u64>,
    mailings: HashMap<i64, Vec<Mailing>>,
}

/// The newest seal of a run.
struct Seal {
    file: String,
    sha256: Vec<u8>,
    balance: Option<Balance>,
}

impl Known {
    pub(super) async fn of(conn: &mut Connection, runs: &[RunRow]) -> Result<Self, LedgerError> {
        let mut known = Self::default();
        for some in runs.chunks(LIST) {
            let ids: Vec<_> = some.iter().map(|run| Cell::Int(run.id)).collect();
            known.seals.extend(newest_seals(conn, &ids).await?);
            known.findings.extend(findings::numbers(conn, &ids).await?);
            known.mailings.extend(mailings::of_runs(conn, &ids).await?);
        }
        Ok(known)
    }

    /// A run without its balance, and the one in its newest seal. What is known of it is taken out.
    pub(super) fn outline(&mut self, run: &RunRow) -> (ReportResponse, Option<Balance>) {
        let seal = self.seals.remove(&run.id);
        let (seal, sha256, balance) = match seal {
            Some(seal) => (seal.file, seal.sha256, seal.balance),
            None => (String::new(), Vec::new(), None),
        };
        let counters = run.counters;
        let outline = ReportResponse {
            run: run.id,
            number: run.number,
            kind: run.kind.clone(),
            state: run.status.into(),
            reason: run.reason.clone(),
            from: run.from,
            to: run.to,
            opened: run.opened.div_euclid(1000),
            closed: run.closed.map(|closed| closed.div_euclid(1000)),
            items: counters.items,
            listed: Some(Listed {
                files: counters.files,
                foreign: counters.foreign,
                unchanged: counters.unchanged,
                young: counters.young,
                ..Listed::default()
            }),
            seal,
            seal_sha256: sha256.into(),
            copies_removed: counters.copies,
            earlier_deliveries: counters.earlier,
            scheduled: run.scheduled,
            backfill: run.backfill,
            findings: self.findings.remove(&run.id).unwrap_or_default(),
            mailings: self.mailings.remove(&run.id).unwrap_or_default(),
            ..ReportResponse::default()
        };
        (outline, balance)
    }
}

async fn newest_seals(
    conn: &mut Connection,
    runs: &[Cell<'_>],
) -> Result<HashMap<i64, Seal>, LedgerError> {
    let statement = query("SELECT s.run, s.file, s.sha256, s.balance FROM seals s WHERE s.run ");
    let newest = " AND s.number = (SELECT MAX(n.number) FROM seals n WHERE n.run = s.run)";
    let rows = statement.list(runs).sql(newest).fetch(conn).await;
    let rows = rows.during("find seals")?;
    let seals = rows.iter().map(|row| {
        let seal = Seal {
            file: row.text(1)?,
            sha256: row.bytes(2)?,
            balance: serde_json::from_str(&row.text(3)?).ok(),
        };
        Ok((row.int(0)?, seal))
    });
    let seals: Result<_, DatabaseError> = seals.collect();
    seals.during("find seals")
}
