//! Secrets that control keeps, as a stage gets them.

use std::path::Path;

use chatkeep_model::connector::{Connector, Part, SecretRef, Target};
use chatkeep_pipeline::{RunContext, Runs, Verdict, lend_secrets};
use chatkeep_proto::{
    ACTOR,
    v1::{Actor, Task},
};
use tonic::{Code, metadata::MetadataMap};

use crate::fake_ledger::FakeLedger;

const CONNECTOR: &str = r#"
name = "Contoso"
domain = "contoso.com"
sources = [{ type = "archiving-export", path = "/exports" }]
directory = { type = "csv", path = "/directory.csv" }

[target]
type = "imap"
host = "mail"
auth = "master"
user = "env:MASTER"
password = "secret:imap"
"#;

fn password(context: &RunContext) -> Option<&str> {
    password_of(&context.connector)
}

fn password_of(connector: &Connector) -> Option<&str> {
    let Target::Imap(target) = &connector.target else {
        unreachable!()
    };
    match &target.password {
        Some(SecretRef::Stored(secret)) => secret.value(),
        other => panic!("{other:?}"),
    }
}

fn task() -> Task {
    Task {
        id: "task".to_owned(),
        run: 1,
        ..Task::default()
    }
}

#[tokio::test]
async fn a_stage_works_with_the_secret_as_it_is_stored_now() {
    let ledger = FakeLedger::default();
    ledger.open_run(CONNECTOR);
    let runs = Runs::new(ledger.client());

    ledger.store_secret("task", "imap", "s3cret");
    let before = runs.of_task(&task()).await.unwrap();
    ledger.store_secret("task", "imap", "an0ther");
    let after = runs.of_task(&task()).await.unwrap();

    assert_eq!(password(&before), Some("s3cret"));
    assert_eq!(password(&after), Some("an0ther"));
    assert!(!format!("{after:?}").contains("an0ther"));
}

#[tokio::test]
async fn a_secret_that_is_not_stored_is_waited_for() {
    let ledger = FakeLedger::default();
    ledger.open_run(CONNECTOR);

    let missing = Runs::new(ledger.client()).of_task(&task()).await;

    assert_eq!(missing.unwrap_err().verdict, Verdict::Wait);
}

#[tokio::test]
async fn a_connector_without_stored_secrets_asks_for_none() {
    let ledger = FakeLedger::default();
    ledger.open_run(&CONNECTOR.replace("secret:imap", "env:PASSWORD"));

    let context = Runs::new(ledger.client()).of_task(&task()).await;

    assert!(context.is_ok());
}

/// What a call of somebody's says.
fn call_of(subject: &str) -> MetadataMap {
    let actor = Actor {
        subject: subject.to_owned(),
        ..Actor::default()
    };
    let mut metadata = MetadataMap::new();
    metadata.insert_bin(ACTOR, actor.to_metadata());
    metadata
}

#[tokio::test]
async fn who_looks_without_a_task_is_lent_the_secrets_of_the_part_that_they_look_at() {
    let ledger = FakeLedger::default();
    ledger.store_secret("ann", "imap", "s3cret");
    for who in ["ann", "bob"] {
        ledger.store_secret(who, "env:MASTER", "");
    }
    let mut connector = Connector::parse(CONNECTOR, Path::new("/")).unwrap();
    let (ann, bob) = (call_of("ann"), call_of("bob"));
    let client = ledger.client();
    let mut lend = async |part, asked| {
        let lent = lend_secrets(&client, (&mut connector, CONNECTOR), part, asked).await;
        lent.map(|()| password_of(&connector).map(str::to_owned))
    };

    let sources = lend(Part::Sources, &bob).await.unwrap();
    let refused = lend(Part::Target, &bob).await.unwrap_err();
    let target = lend(Part::Target, &ann).await.unwrap();

    assert_eq!(sources, None);
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("secret:imap"), "{refused}");
    assert_eq!(target.as_deref(), Some("s3cret"));
}

#[tokio::test]
async fn control_is_asked_about_what_the_service_would_read_itself() {
    let ledger = FakeLedger::default();
    ledger.store_secret("ann", "imap", "s3cret");
    let mut connector = Connector::parse(CONNECTOR, Path::new("/")).unwrap();
    let with_file = (&mut connector, CONNECTOR);

    let lent = lend_secrets(&ledger.client(), with_file, Part::Target, &call_of("ann")).await;

    let refused = lent.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("env:MASTER"), "{refused}");
}
