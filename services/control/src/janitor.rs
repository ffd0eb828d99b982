//! Clears staging: deletes the blobs of runs that are over, and keeps those that may be needed again. Then
//! rows of theirs go that nobody reads any more; others go by their age alone.
//!
//! Nothing says of a blob which runs use it: its key is its content. So a blob belongs to whatever run was
//! under way when it was written last; who writes a blob that is there renews its time, and nobody deletes
//! a blob whose time was renewed since he looked (`Staging::delete`). See decision 0014.

mod forget;
mod keep;
mod prune;
mod record;
mod settings;
mod spans;
mod sweep;

use std::{
    convert::Infallible,
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatkeep_model::connector::HoldFor;
use chatkeep_staging::BlobKind;
use tokio_util::sync::CancellationToken;

pub use self::settings::JanitorSettings;
use self::spans::Spans;
use crate::{
    error::LedgerError,
    ledger::{Ledger, now},
};

/// Stands for staging where a connector's key is asked for.
const STAGING: i64 = -1;
/// Pause after something failed, and until another process is looked at again.
const RETRY: Duration = Duration::from_mins(1);
/// How far the storage's clock may be from ours.
const SKEW: Duration = Duration::from_hours(1);

/// Clears the staging of one ledger.
pub(crate) struct Janitor {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) settings: JanitorSettings,
    pub(crate) shutdown: CancellationToken,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// Everything was looked at.
    Whole,
    /// The process shuts down, or another one clears this staging.
    BrokenOff,
    /// It cannot be known what may be deleted.
    Refused(&'static str),
}

/// Who else works with staging.
enum Company {
    /// Nobody; when our sign was renewed, by the storage's clock.
    None { signed: i64 },
    /// It cannot be known what may be deleted.
    Refuses(&'static str),
}

impl Janitor {
    /// Runs until the process shuts down.
    pub(crate) async fn run(self) -> Result<(), Infallible> {
        let shutdown = self.shutdown.clone();
        while !shutdown.is_cancelled() {
            let turn = match self.settings.after {
                HoldFor::Time(after) => self.turn(after).await,
                HoldFor::Forever => self.sign().await.map(|_| None),
            };
            let pause = turn.unwrap_or_else(|error| {
                let error = &error as &dyn Error;
                tracing::warn!(error, "staging not cleared, will retry");
                Some(RETRY)
            });
            let timer = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            shutdown.run_until_cancelled(timer).await;
        }
        Ok(())
    }

    /// Makes a pass when it is time for one. Returns when to come back.
    async fn turn(&self, after: Duration) -> Result<Option<Duration>, LedgerError> {
        let due = self.due().await?;
        if due > Duration::ZERO {
            return Ok(Some(due));
        }
        if !self.ledger.directs(STAGING).await? {
            return Ok(Some(RETRY.min(self.settings.every)));
        }
        match self.pass(after).await? {
            Pass::Whole => {}
            Pass::BrokenOff => return Ok(Some(RETRY)),
            Pass::Refused(reason) => tracing::warn!(reason, "nothing is deleted from staging"),
        }
        self.ended().await?;
        self.due().await.map(Some)
    }

    async fn pass(&self, after: Duration) -> Result<Pass, LedgerError> {
        // First: whoever else works with staging keeps nobody from it.
        if self.forget_by_age().await? == Pass::BrokenOff {
            return Ok(Pass::BrokenOff);
        }
        let begun = now();
        let signed = match self.look_who_else_is_here(begun).await? {
            Company::None { signed } => signed,
            Company::Refuses(reason) => return Ok(Pass::Refused(reason)),
        };
        let sealed_before = begun - millis(after);
        for run in self.finished(sealed_before).await? {
            if !self.goes_on().await? {
                return Ok(Pass::BrokenOff);
            }
            match self.give_up_staging_of(run).await {
                Err(error) if error.outage().is_some() => return Err(error),
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(chatkeep.run.id = run, error, "blobs of run stay in staging");
                }
                Ok(()) => {}
            }
        }
        if self.prune().await? == Pass::BrokenOff {
            return Ok(Pass::BrokenOff);
        }
        // By the storage's own clock, whatever is written from now on is younger than the sign.
        let young = sealed_before.min(signed);
        let old = begun - millis(self.settings.orphans_after);
        let spans = Spans::read(&self.ledger, young, old).await?;
        self.sweep(&spans).await
    }

    /// Signs staging, and looks whether somebody else has.
    async fn look_who_else_is_here(&self, now: i64) -> Result<Company, LedgerError> {
        let ours = self.sign().await?;
        let mut company = Company::Refuses("the sign of this ledger is not in it");
        let mut from = None;
        loop {
            let prefix = BlobKind::Ledger.prefix();
            let page = self.ledger.staging.list(&prefix, from.as_deref()).await;
            let page = page.map_err(failed("look who works with staging"))?;
            for blob in page.blobs {
                if BlobKind::of_key(&blob.key) != Some(BlobKind::Ledger) {
                    continue;
                }
                if blob.key != ours {
                    let reason = "another ledger works with it, or did: see ledger/";
                    return Ok(Company::Refuses(reason));
                }
                let signed = unix_millis(blob.modified);
                company = if (signed - now).abs() > millis(SKEW) {
                    Company::Refuses("its clock and ours differ by more than an hour")
                } else {
                    Company::None { signed }
                };
            }
            from = page.next;
            if from.is_none() {
                return Ok(company);
            }
        }
    }

    /// Leaves a sign in staging that this ledger works with it. Returns its key.
    async fn sign(&self) -> Result<String, LedgerError> {
        let name = self.name().await?;
        let signed = self.ledger.staging.put(BlobKind::Ledger, name).await;
        signed.map(|blob| blob.key).map_err(failed("sign staging"))
    }

    /// Whether this process is still to clear staging.
    async fn goes_on(&self) -> Result<bool, LedgerError> {
        Ok(!self.shutdown.is_cancelled() && self.ledger.directs(STAGING).await?)
    }
}

fn failed(action: &'static str) -> impl FnOnce(chatkeep_staging::StagingError) -> LedgerError {
    move |source| LedgerError::Staging { action, source }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn unix_millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}
