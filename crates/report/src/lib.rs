//! How a run is put into words, and the form of its log: the same on the command line, in the console and
//! in its API, and in the mail that reports it.

mod audit;
mod balance;
mod finding;
mod log;
#[cfg(feature = "mail")]
mod mail;
mod mailing;
mod words;

#[cfg(feature = "mail")]
pub use crate::mail::{MailExceptions, MailReport, MailText};
pub use crate::{
    audit::AuditLine,
    balance::{DeliveryBalance, Equation, RecordBalance},
    finding::{ReportFinding, finding_line},
    log::{Log, LogError},
    mailing::{mailing, mailings},
    words::{day, is_near, number, status, time, window},
};
