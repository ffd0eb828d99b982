//! The report of a run as a mail: counts only. Whoever reads it may be nobody who may read chats, and mail
//! is kept where nobody deletes it, so it names no user and quotes nothing.

mod html;
mod letter;
mod subject;
#[cfg(test)]
mod tests;
mod text;

use chatkeep_proto::v1::{DataLossHorizon, ReportResponse, RunState};

use crate::is_near;

use self::letter::Letter;

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct MailReport {
    /// The connector's name.
    pub connector: String,
    /// The run with its balance.
    pub run: ReportResponse,
    /// Why the run has stopped before its end; `None` of one that is closed.
    pub stopped: Option<String>,
    /// What somebody should look at.
    pub exceptions: MailExceptions,
    /// Until when unread rows of databases are safe.
    pub horizons: Vec<DataLossHorizon>,
    /// When the report is made, Unix seconds.
    pub now: i64,
    /// When the connector's next run is due, Unix seconds; `None` where none is.
    pub due: Option<i64>,
    /// Address of the run's page; `None` where pages have none.
    pub page: Option<String>,
}

/// Exceptions and findings of a run, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailExceptions {
    /// Records that were quarantined, by reason.
    pub quarantined: Vec<(String, u64)>,
    /// Deliveries that failed or are stored in part, by reason.
    pub failed: Vec<(String, u64)>,
    /// Users whose deliveries are held.
    pub held_users: u64,
    /// Findings, by kind.
    pub findings: Vec<(String, u64)>,
}

/// A mail without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// One line.
    pub subject: String,
    /// The report as plain text.
    pub text: String,
    /// The report as HTML, with its style in it and nothing from elsewhere.
    pub html: String,
}

/// How much a reader must care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    /// All is well.
    Well,
    /// Somebody should look at it.
    Attention,
    /// The archive is not complete, or cannot be proven to be.
    Problem,
}

impl MailReport {
    /// Whether there is something that somebody should look at.
    pub fn is_about_a_problem(&self) -> bool {
        self.urgency() != Urgency::Well
    }

    /// Puts it into words.
    pub fn write(&self) -> MailText {
        let letter = Letter::of(self);
        MailText {
            subject: subject::of(self),
            text: text::of(&letter),
            html: html::of(&letter),
        }
    }

    fn urgency(&self) -> Urgency {
        if self.stopped.is_some() {
            return Urgency::Problem;
        }
        match self.run.state() {
            RunState::Succeeded | RunState::NothingNew if self.has_findings() => Urgency::Attention,
            RunState::Succeeded | RunState::NothingNew => Urgency::Well,
            RunState::SucceededWithExceptions | RunState::Cancelled => Urgency::Attention,
            _ => Urgency::Problem,
        }
    }

    fn has_findings(&self) -> bool {
        self.findings() > 0 || self.is_loss_near()
    }

    fn findings(&self) -> u64 {
        self.exceptions.findings.iter().map(|(_, n)| n).sum()
    }

    fn is_loss_near(&self) -> bool {
        self.horizons.iter().any(|one| is_near(one, self.now))
    }
}
