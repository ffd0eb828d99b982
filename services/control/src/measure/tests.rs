use chatkeep_proto::v1::{Finding, OpenRunRequest};
use chatkeep_staging::Staging;

use super::*;
use crate::{
    access::Keyring, audit::Deed, clock::Clock, database::Database, ledger::Limits,
    publish::Outstanding, seal::Seals,
};

const CONNECTOR: &str = "name = 'a'\ndomain = 'b.c'\n[[sources]]\n\
    type = 'archiving-export'\npath = 'e'\n[directory]\ntype = 'csv'\npath = 'd.csv'\n\
    [target]\ntype = 'discard'\n";

#[tokio::test]
async fn findings_of_the_newest_run_are_measured_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).await.unwrap();
    let staging = Staging::folder(&folder.path().join("staging")).unwrap();
    let limits = Limits {
        fence: Duration::from_secs(1),
        attempts: 1,
        enough: 1,
        approval: None,
    };
    let ledger = Arc::new(Ledger::new(
        database,
        (staging, Seals::Staging),
        Arc::<Outstanding>::default(),
        (Clock::default(), limits),
        Keyring::default(),
    ));
    let request = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        ..OpenRunRequest::default()
    };
    let run = ledger
        .open_run(&Deed::of(None, "run.open"), request)
        .await
        .unwrap()
        .run;
    let of_kind = |kind: &str| Finding {
        kind: kind.to_owned(),
        ..Finding::default()
    };
    let told = ["late-rows", "late-rows", "silent-source"].map(of_kind);
    let mut tx = ledger.database.begin().await.unwrap();
    findings::replace_ours(&mut tx, run, &told).await.unwrap();
    tx.commit().await.unwrap();
    let mut watcher = Watcher {
        ledger,
        samples: Arc::default(),
        asked: Arc::default(),
        closed: HashMap::new(),
    };

    let samples = watcher.look().await.unwrap().into_iter();

    let findings = samples.filter(|sample| sample.metric == Metric::Findings);
    let kind = |sample: &Sample| {
        let mut kinds = sample.attributes.iter();
        let kind = kinds.find(|one| one.key.as_str() == "chatkeep.finding");
        kind.unwrap().value.to_string()
    };
    let findings: Vec<_> = findings
        .map(|sample| (kind(&sample), sample.value))
        .collect();
    let expected = [("late-rows", 2), ("silent-source", 1)];
    assert_eq!(
        findings,
        expected.map(|(kind, count)| (kind.to_owned(), count))
    );
    assert_eq!(Metric::Findings.name(), "chatkeep.run.findings");
}
