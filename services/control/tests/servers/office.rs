//! A mail server, a control that reports to it, and a world to report of.

use std::time::Duration;

use chatkeep_control::{Settings, SmtpSettings};
use chatkeep_model::connector::Tls;
use chatkeep_proto::v1::{AuditEntry, ListAuditRequest, RunState};
use chatkeep_testkit::{Smtp, SmtpTls, TakenMail};
use tempfile::TempDir;

use crate::{
    lab::{self, CONNECTOR, Lab},
    world::{World, conversation},
};

/// Longer than any machine needs; a test that waits so long hangs.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const ANN: &str = "ann@contoso.com";
pub(crate) const BOB: &str = "bob@contoso.com";

/// Whom reports go to.
pub(crate) const TO: [&str; 2] = ["compliance@contoso.com", "audit@contoso.com"];

pub(crate) struct Office {
    pub(crate) smtp: Smtp,
    pub(crate) folder: TempDir,
    pub(crate) world: World,
    /// The connector file.
    pub(crate) file: String,
}

/// The connector file with a report to these.
pub(crate) fn reporting(to: &[&str]) -> String {
    format!("{CONNECTOR}\n[report]\nto = {to:?}\n")
}

/// Settings that send to a server without encryption.
pub(crate) fn plain(smtp: &Smtp) -> SmtpSettings {
    SmtpSettings {
        host: smtp.address().ip().to_string(),
        port: Some(smtp.address().port()),
        tls: Tls::None,
        ca: None,
        user: None,
        password: None,
        from: "chatkeep@contoso.com".to_owned(),
        timeout: Duration::from_secs(15),
        give_up_after: Duration::from_hours(1),
    }
}

pub(crate) fn settings(smtp: SmtpSettings) -> Settings {
    Settings {
        smtp: Some(smtp),
        pages: Some("https://chatkeep.contoso.com/".to_owned()),
        ..lab::settings()
    }
}

impl Office {
    /// A server without encryption that is up, and one conversation of two users.
    pub(crate) fn open() -> Self {
        Self::with(Smtp::start(SmtpTls::None, false).unwrap())
    }

    pub(crate) fn with(smtp: Smtp) -> Self {
        Self {
            smtp,
            folder: tempfile::tempdir().unwrap(),
            world: World::of(vec![conversation(1, &[ANN, BOB])]),
            file: reporting(&TO[..1]),
        }
    }

    pub(crate) async fn lab(&self) -> Lab {
        self.lab_with(plain(&self.smtp)).await
    }

    pub(crate) async fn lab_with(&self, smtp: SmtpSettings) -> Lab {
        Lab::open_with(self.folder.path(), &settings(smtp)).await
    }

    /// Opens a run and works until it is over.
    pub(crate) async fn run(&self, lab: &Lab) -> RunState {
        let run = lab.try_open(&self.file).await.unwrap().run;
        self.world.drive(lab, run).await
    }

    /// Waits until the server has taken so many mails.
    pub(crate) async fn taken(&self, mails: usize) -> Vec<TakenMail> {
        until(|| {
            let taken = self.smtp.taken().unwrap();
            (taken.len() >= mails).then_some(taken)
        })
        .await
    }

    /// Waits until a column of the one report has at least this value.
    pub(crate) async fn column(&self, name: &str, least: i64) -> i64 {
        until(|| {
            let ledger = self.folder.path().join("ledger.sqlite");
            let ledger = rusqlite::Connection::open(ledger).unwrap();
            ledger.busy_timeout(PATIENCE).unwrap();
            let value = format!("SELECT MAX({name}) FROM reports");
            let value = ledger.query_row(&value, [], |row| row.get::<_, Option<i64>>(0));
            value.unwrap().filter(|value| *value >= least)
        })
        .await
    }
}

/// Waits until something is so.
pub(crate) async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let poll = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap()
}

/// Waits until the audit trail has so many entries of an action.
pub(crate) async fn noted(lab: &Lab, action: &str, entries: usize) -> Vec<AuditEntry> {
    let poll = async {
        loop {
            let request = ListAuditRequest {
                limit: 100,
                action: action.to_owned(),
                ..ListAuditRequest::default()
            };
            let found = lab.access.clone().list_audit(request).await.unwrap();
            let found = found.into_inner().entries;
            if found.len() >= entries {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap()
}
