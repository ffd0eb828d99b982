//! Secrets that control keeps, as a stage gets them.

use chatkeep_model::connector::{SecretRef, Target};
use chatkeep_pipeline::{RunContext, Runs, Verdict};
use chatkeep_proto::v1::Task;

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
    let Target::Imap(target) = &context.connector.target else {
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
