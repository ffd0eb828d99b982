//! A ledger that nobody directs and no stage works for, for the tests of what looks at one.

use std::{path::Path, sync::Arc, time::Duration};

use chatkeep_model::connector::HoldFor;
use chatkeep_proto::v1::OpenRunRequest;
use chatkeep_staging::Staging;

use super::{
    Ledger, Limits,
    run::{self, RunRow},
};
use crate::{
    access::{Keyring, Reference},
    audit::Deed,
    clock::Clock,
    database::Database,
    mail::SmtpSettings,
    publish::Outstanding,
    seal::Seals,
};

const CONNECTOR: &str = "name = 'a'\ndomain = 'b.c'\n[[sources]]\n\
    type = 'archiving-export'\npath = 'e'\n[directory]\ntype = 'csv'\npath = 'd.csv'\n\
    [target]\ntype = 'discard'\n[report]\nto = ['audit@b.c']\n";

/// The same ledger, with a list of what connector files may name.
pub(crate) fn listing(mut ledger: Ledger, references: Vec<Reference>) -> Ledger {
    ledger.limits.references = Some(references);
    ledger
}

/// A ledger with a run that has just been opened.
pub(crate) async fn with_run(folder: &Path, smtp: Option<SmtpSettings>) -> (Ledger, RunRow) {
    let limits = Limits {
        fence: Duration::from_secs(1),
        attempts: 1,
        enough: 1,
        approval: None,
        traces: HoldFor::Forever,
        references: None,
    };
    let staging = Staging::folder(&folder.join("staging")).unwrap();
    let ledger = Ledger::new(
        Database::open(folder).await.unwrap(),
        (staging, Seals::Staging),
        Arc::<Outstanding>::default(),
        (Clock::default(), limits),
        (Keyring::default(), smtp),
    );
    let request = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        ..OpenRunRequest::default()
    };
    let opened = ledger.open_run(&Deed::of(None, "run.open"), request).await;
    let id = opened.unwrap().run;
    let mut conn = ledger.database.read().await.unwrap();
    let run = run::find(&mut conn, id).await.unwrap();
    drop(conn);
    (ledger, run)
}
