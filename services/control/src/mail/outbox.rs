//! Which reports are to be sent: rows that are written with what they are about, so that no crash loses
//! one or makes two of it. Whoever takes a row up puts it off for as long as it may take, by the database's
//! clock, and again once it is made: nobody else sends it meanwhile, and if it was not settled by then
//! somebody tries again.

#[cfg(feature = "mail")]
#[cfg(test)]
mod tests;

use crate::{
    admin::stored::file_of,
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger, parse,
        run::{self, RunRow},
    },
};

/// A row's state: it waits.
const WAITING: i64 = 0;

/// How many reports of a connector are in a state.
pub(crate) struct Count {
    /// The connector's public id.
    pub(crate) connector: String,
    pub(crate) outcome: &'static str,
    pub(crate) reports: u64,
}

impl Ledger {
    /// Notes who is told that a run has ended. It is told once: what happens to a sealed run later is not.
    pub(crate) async fn report_end(
        &self,
        conn: &mut Connection,
        run: &RunRow,
    ) -> Result<(), LedgerError> {
        if run.seals > 0 {
            return Ok(());
        }
        self.note_report(conn, run, None).await
    }

    /// Notes who is told that a run has stopped before its end, and why. It is told once, however often
    /// the run is started again and stops.
    pub(crate) async fn report_stop(
        &self,
        conn: &mut Connection,
        run: i64,
        reason: &str,
    ) -> Result<(), LedgerError> {
        if self.smtp.is_none() {
            return Ok(());
        }
        let run = run::find(conn, run).await?;
        self.note_report(conn, &run, Some(reason)).await
    }

    async fn note_report(
        &self,
        conn: &mut Connection,
        run: &RunRow,
        stopped: Option<&str>,
    ) -> Result<(), LedgerError> {
        // What nobody could send would go out in one heap once somebody can.
        if self.smtp.is_none() {
            return Ok(());
        }
        // What keeps a report from being written keeps no run from its end.
        let Ok(model) = parse(&file_of(conn, run.connector).await?) else {
            tracing::warn!(
                chatkeep.run.id = run.id,
                "connector file cannot be read, the run is not reported"
            );
            return Ok(());
        };
        let clock = conn.dialect().clock();
        let sql = format!(
            "INSERT INTO reports (connector, run, stopped, reason, recipient, state, made, due, \
             attempts, code, mail) VALUES ($1, $2, $3, $4, $5, 0, {clock}, {clock}, 0, 0, $6) \
             ON CONFLICT (run, stopped, recipient) DO NOTHING"
        );
        for recipient in &model.report.to {
            let insert = query(sql.clone())
                .bind(run.connector)
                .bind(run.id)
                .bind(i64::from(stopped.is_some()))
                .bind(stopped.unwrap_or_default())
                .bind(recipient)
                .bind(Vec::new());
            insert.execute(conn).await.during("note report")?;
        }
        Ok(())
    }
}

/// Reports by connector and what became of them; those that nobody called for left out.
pub(crate) async fn counts(conn: &mut Connection) -> Result<Vec<Count>, LedgerError> {
    let statement = query(
        "SELECT c.name_id, r.state, COUNT(*) FROM reports r JOIN connectors c ON c.id = r.connector \
         WHERE r.state < 4 GROUP BY c.name_id, r.state ORDER BY c.name_id, r.state",
    );
    let rows = statement.fetch(conn).await.during("count reports")?;
    let count = |row: &crate::database::Row| {
        Ok(Count {
            connector: row.text(0)?,
            outcome: match row.int(1)? {
                WAITING => "waiting",
                1 => "sent",
                2 => "refused",
                _ => "given up",
            },
            reports: row.count(2)?,
        })
    };
    let counts: Result<_, _> = rows.iter().map(count).collect();
    counts.during("count reports")
}

#[cfg(feature = "mail")]
pub(super) use self::sending::{Due, Settled};

#[cfg(feature = "mail")]
mod sending {
    use chatkeep_proto::v1::Actor;
    use serde_json::json;

    use super::WAITING;
    use crate::{
        audit::Deed,
        database::{DatabaseError, query},
        error::{During as _, LedgerError},
        ledger::{Ledger, connector_id, run},
    };

    /// Who sends reports, as the audit trail calls it.
    const SENDER: &str = "chatkeep";

    /// A report that was taken up.
    #[derive(Clone, Debug)]
    pub(in crate::mail) struct Due {
        id: i64,
        pub(in crate::mail) connector: i64,
        pub(in crate::mail) run: i64,
        /// It is about a stop before the run's end.
        pub(in crate::mail) stopped: bool,
        pub(in crate::mail) reason: String,
        pub(in crate::mail) recipient: String,
        /// How often it was taken up, this time included.
        pub(in crate::mail) attempts: i64,
        /// When it was noted, Unix milliseconds.
        pub(in crate::mail) made: i64,
        /// How old it was when it was taken up, milliseconds.
        pub(in crate::mail) age: i64,
        /// What is sent; empty before it was made.
        pub(in crate::mail) mail: Vec<u8>,
    }

    /// What became of an attempt.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::mail) enum Settled {
        Sent,
        /// For good, with the server's answer.
        Refused(u16),
        /// It was tried for long enough; the server's last answer, 0 for none.
        GivenUp(u16),
        /// Its connector is not told of such runs.
        NotCalledFor,
        /// It is tried again after so many milliseconds; the server's answer, 0 for none.
        Later(i64, u16),
    }

    impl Settled {
        /// As the column `state` has it.
        fn state(self) -> i64 {
            match self {
                Self::Later(..) => WAITING,
                Self::Sent => 1,
                Self::Refused(_) => 2,
                Self::GivenUp(_) => 3,
                Self::NotCalledFor => 4,
            }
        }

        fn code(self) -> i64 {
            match self {
                Self::Sent | Self::NotCalledFor => 0,
                Self::Refused(code) | Self::GivenUp(code) | Self::Later(_, code) => code.into(),
            }
        }

        /// What the audit trail calls it; what is tried again is not told.
        fn action(self) -> Option<&'static str> {
            match self {
                Self::Sent => Some("report.send"),
                Self::Refused(_) => Some("report.refuse"),
                Self::GivenUp(_) => Some("report.give-up"),
                Self::NotCalledFor | Self::Later(..) => None,
            }
        }
    }

    impl Ledger {
        /// Takes up a report that is due; nobody else does for `lease` milliseconds. `None` when none is,
        /// or somebody else was faster.
        pub(in crate::mail) async fn take_report(
            &self,
            lease: i64,
        ) -> Result<Option<Due>, LedgerError> {
            let mut conn = self.database.read().await?;
            let clock = conn.dialect().clock();
            let sql = format!(
                "SELECT id FROM reports WHERE state = 0 AND due <= {clock} ORDER BY due, id LIMIT 1"
            );
            let row = query(sql).fetch_optional(&mut conn).await;
            let id = row.and_then(|row| row.map(|row| row.int(0)).transpose());
            let Some(id) = id.during("look for reports")? else {
                return Ok(None);
            };
            drop(conn);
            let sql = format!(
                "UPDATE reports SET attempts = attempts + 1, due = $1 + {clock} \
                 WHERE id = $2 AND state = 0 AND due <= {clock} \
                 RETURNING connector, run, stopped, reason, recipient, attempts, made, \
                 {clock} - made, mail"
            );
            let mut tx = self.database.begin().await?;
            let take = query(sql).bind(lease).bind(id);
            let row = take.fetch_optional(&mut tx).await.during("take report")?;
            let due = row.map(|row| {
                Ok(Due {
                    id,
                    connector: row.int(0)?,
                    run: row.int(1)?,
                    stopped: row.int(2)? != 0,
                    reason: row.text(3)?,
                    recipient: row.text(4)?,
                    attempts: row.int(5)?,
                    made: row.int(6)?,
                    age: row.int(7)?,
                    mail: row.bytes(8)?,
                })
            });
            let due = due.transpose().during("take report")?;
            tx.commit().await.during("take report")?;
            Ok(due)
        }

        /// Everybody who gets the report, in the order of the connector file.
        pub(in crate::mail) async fn report_recipients(
            &self,
            due: &Due,
        ) -> Result<Vec<String>, LedgerError> {
            let mut conn = self.database.read().await?;
            let statement =
                query("SELECT recipient FROM reports WHERE run = $1 AND stopped = $2 ORDER BY id")
                    .bind(due.run)
                    .bind(i64::from(due.stopped));
            let rows = statement.fetch(&mut conn).await.during("read report")?;
            let all: Result<_, DatabaseError> = rows.iter().map(|row| row.text(0)).collect();
            all.during("read report")
        }

        /// Keeps what is sent to everybody who gets the report, unless somebody was faster, and puts the
        /// report off for `lease` milliseconds from now: to make it may have taken longer than the lease it
        /// was taken up with. Returns what is kept; `None` when somebody else has taken the report up since.
        pub(in crate::mail) async fn keep_report(
            &self,
            due: &Due,
            mail: Vec<u8>,
            lease: i64,
        ) -> Result<Option<Vec<u8>>, LedgerError> {
            let mut tx = self.database.begin().await?;
            let keep = query(
                "UPDATE reports SET mail = $1 \
                 WHERE run = $2 AND stopped = $3 AND state = 0 AND mail = $4",
            )
            .bind(mail)
            .bind(due.run)
            .bind(i64::from(due.stopped))
            .bind(Vec::new());
            keep.execute(&mut tx).await.during("keep report")?;
            let clock = tx.dialect().clock();
            let put_off = query(format!(
                "UPDATE reports SET due = $1 + {clock} WHERE id = $2 AND state = 0 AND attempts = $3 \
                 RETURNING mail"
            ));
            let put_off = put_off.bind(lease).bind(due.id).bind(due.attempts);
            let kept = put_off.fetch_optional(&mut tx).await;
            let kept = kept.and_then(|row| row.map(|row| row.bytes(0)).transpose());
            let kept = kept.during("keep report")?;
            tx.commit().await.during("keep report")?;
            Ok(kept)
        }

        /// Records what became of an attempt, unless somebody else has taken the report up since.
        pub(in crate::mail) async fn settle_report(
            &self,
            due: &Due,
            settled: Settled,
        ) -> Result<(), LedgerError> {
            let mut tx = self.database.begin().await?;
            let clock = tx.dialect().clock();
            let is_over = !matches!(settled, Settled::Later(..));
            let mail = if is_over { "$6" } else { "mail" };
            let wait = match settled {
                Settled::Later(wait, _) => wait,
                _ => 0,
            };
            let sql = format!(
                "UPDATE reports SET state = $1, code = $2, due = $3 + {clock}, mail = {mail} \
                 WHERE id = $4 AND state = 0 AND attempts = $5"
            );
            let mut update = query(sql)
                .bind(settled.state())
                .bind(settled.code())
                .bind(wait)
                .bind(due.id)
                .bind(due.attempts);
            if is_over {
                update = update.bind(Vec::new());
            }
            let updated = update.execute(&mut tx).await.during("settle report")?;
            if updated == 1
                && let Some(action) = settled.action()
            {
                let actor = Actor {
                    subject: SENDER.to_owned(),
                    ..Actor::default()
                };
                let run = run::find(&mut tx, due.run).await?;
                let deed = Deed::of(Some(actor), action).about(&run.number);
                let deed = deed.to(&connector_id(&mut tx, due.connector).await?);
                let about = if due.stopped { "stop" } else { "end" };
                let detail = json!({
                    "about": about, "recipient": due.recipient, "code": settled.code(),
                });
                self.note(&mut tx, &deed, &detail).await?;
            }
            tx.commit().await.during("settle report")
        }
    }
}
