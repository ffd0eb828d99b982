//! Reports of runs by mail: who gets one is noted in the transaction that ends or stops the run
//! ([`outbox`]), and one process at a time sends it. What is sent is made once and kept until it is taken,
//! so that a repeat after a crash is the same mail to the last byte (decision 0042).

mod check;
#[cfg(feature = "mail")]
mod compose;
#[cfg(feature = "mail")]
mod exceptions;
pub(crate) mod mailings;
mod outbox;
#[cfg(feature = "mail")]
mod sender;
mod settings;
#[cfg(feature = "mail")]
mod smtp;

use std::sync::Arc;

use chatkeep_runtime::Lifecycle;

use crate::ledger::Ledger;

pub(crate) use self::outbox::counts;
pub use self::{
    check::{ReportCheck, check_report},
    settings::{SmtpError, SmtpSettings},
};

/// Sends reports until the process shuts down, where there is a server for them. `pages` is the address of
/// the console, if browsers can find one.
#[cfg(feature = "mail")]
pub(crate) fn start(
    ledger: &Arc<Ledger>,
    pages: Option<String>,
    lifecycle: &Lifecycle,
) -> Result<(), SmtpError> {
    let Some(settings) = &ledger.smtp else {
        return Ok(());
    };
    let sender = sender::Sender {
        ledger: Arc::clone(ledger),
        smtp: smtp::Smtp::new(settings)?,
        pages,
        shutdown: lifecycle.shutdown(),
    };
    lifecycle.spawn("reports", sender.run());
    Ok(())
}

/// Says that this program was built without it.
#[cfg(not(feature = "mail"))]
pub(crate) fn start(
    ledger: &Arc<Ledger>,
    _pages: Option<String>,
    _lifecycle: &Lifecycle,
) -> Result<(), SmtpError> {
    match &ledger.smtp {
        None => Ok(()),
        Some(_) => Err(SmtpError::Absent),
    }
}
