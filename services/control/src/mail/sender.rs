//! Sends reports, one after the other, until the process shuts down.

use std::{convert::Infallible, error::Error, sync::Arc, time::Duration};

use chatkeep_pipeline::crash_point;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    compose::{self, ComposeError, Letterhead},
    outbox::{Due, Settled},
    smtp::{SendError, Smtp},
};
use crate::{error::LedgerError, ledger::Ledger};

/// Pause between two looks for reports.
const LOOK: Duration = Duration::from_secs(1);
/// Pause after the ledger did not answer.
const RETRY: Duration = Duration::from_secs(5);
/// How much longer than a mail may take nobody else takes it up.
const MARGIN: Duration = Duration::from_secs(10);
/// Pause after the first attempt, milliseconds, and the longest it grows to.
const FIRST_PAUSE: i64 = 2_000;
const LONGEST_PAUSE: i64 = 900_000;

/// What comes of making a mail.
enum Made {
    Mail(Vec<u8>),
    /// Its connector is not told of such runs.
    NotCalledFor,
    /// Somebody else took the report up while it was made: they send it.
    TakenUp,
}

/// Sends reports of all connectors.
pub(super) struct Sender {
    pub(super) ledger: Arc<Ledger>,
    pub(super) smtp: Smtp,
    pub(super) pages: Option<String>,
    pub(super) shutdown: CancellationToken,
}

impl Sender {
    /// Runs until the process shuts down; a mail that is on its way is finished.
    pub(super) async fn run(self) -> Result<(), Infallible> {
        while !self.shutdown.is_cancelled() {
            let pause = match self.turn().await {
                Ok(true) => continue,
                Ok(false) => LOOK,
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "reports not sent, will retry");
                    RETRY
                }
            };
            self.shutdown.run_until_cancelled(sleep(pause)).await;
        }
        Ok(())
    }

    /// Sends a report that is due; false when none is.
    async fn turn(&self) -> Result<bool, LedgerError> {
        let Some(due) = self.ledger.take_report(self.lease()).await? else {
            return Ok(false);
        };
        let settled = match self.made(&due).await {
            Ok(Made::Mail(mail)) => self.send(&due, &mail).await,
            Ok(Made::NotCalledFor) => Settled::NotCalledFor,
            Ok(Made::TakenUp) => return Ok(true),
            Err(ComposeError::Ledger { source }) if source.outage().is_some() => {
                return Err(source);
            }
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(chatkeep.run.id = due.run, error, "report cannot be made");
                self.again(&due, 0)
            }
        };
        crash_point("reported");
        self.ledger.settle_report(&due, settled).await?;
        tell(&due, settled);
        Ok(true)
    }

    /// How long nobody else takes a report up that is being sent, milliseconds.
    fn lease(&self) -> i64 {
        millis(self.smtp.longest() + MARGIN)
    }

    /// What is sent: made at the first attempt, kept for all others.
    async fn made(&self, due: &Due) -> Result<Made, ComposeError> {
        if !due.mail.is_empty() {
            return Ok(Made::Mail(due.mail.clone()));
        }
        let head = Letterhead {
            from: self.smtp.from(),
            pages: self.pages.as_deref(),
        };
        let Some(mail) = compose::mail(&self.ledger, due, head).await? else {
            return Ok(Made::NotCalledFor);
        };
        let kept = self.ledger.keep_report(due, mail, self.lease()).await;
        let kept = kept.map_err(|source| ComposeError::Ledger { source })?;
        Ok(kept.map_or(Made::TakenUp, Made::Mail))
    }

    async fn send(&self, due: &Due, mail: &[u8]) -> Settled {
        match self.smtp.send(&due.recipient, mail).await {
            Ok(()) => Settled::Sent,
            Err(SendError::Refused { code }) => Settled::Refused(code),
            Err(SendError::Later {
                action,
                problem,
                code,
            }) => {
                let attempts = due.attempts;
                tracing::warn!(
                    chatkeep.run.id = due.run,
                    attempts,
                    action,
                    problem,
                    "report not sent, will retry"
                );
                self.again(due, code)
            }
        }
    }

    /// Once more after a pause that grows, unless it was tried for long enough.
    fn again(&self, due: &Due, code: u16) -> Settled {
        if due.age >= millis(self.smtp.give_up_after()) {
            return Settled::GivenUp(code);
        }
        let doublings = u32::try_from((due.attempts - 1).clamp(0, 16)).unwrap_or(0);
        Settled::Later((FIRST_PAUSE << doublings).min(LONGEST_PAUSE), code)
    }
}

fn tell(due: &Due, settled: Settled) {
    let run = due.run;
    match settled {
        Settled::Sent => tracing::info!(chatkeep.run.id = run, "report sent"),
        Settled::Refused(code) => {
            tracing::error!(chatkeep.run.id = run, code, "report refused by its server");
        }
        Settled::GivenUp(code) => tracing::error!(
            chatkeep.run.id = run,
            code,
            attempts = due.attempts,
            "report given up"
        ),
        Settled::NotCalledFor | Settled::Later(..) => {}
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}
