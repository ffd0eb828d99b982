//! The audit trail of several processes is one chain.

use chatkeep_proto::v1::{AppendAuditRequest, PauseConnectorRequest, ResumeConnectorRequest};

use crate::{
    audit::{by, trail},
    lab::Lab,
};

const EACH: usize = 30;

/// Changes something and appends entries, one after the other.
async fn work(lab: &Lab, subject: &str) {
    for _ in 0..EACH {
        let pause = PauseConnectorRequest {
            connector: "contoso".to_owned(),
        };
        let pause = by(subject, pause);
        lab.control.clone().pause_connector(pause).await.unwrap();
        let resume = ResumeConnectorRequest {
            connector: "contoso".to_owned(),
        };
        let resume = by(subject, resume);
        lab.control.clone().resume_connector(resume).await.unwrap();
        let append = AppendAuditRequest {
            action: "page.denied".to_owned(),
            outcome: "denied".to_owned(),
            ..AppendAuditRequest::default()
        };
        lab.access
            .clone()
            .append_audit(by(subject, append))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_controls_that_append_at_once_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let one = Lab::open(folder.path()).await;
    one.open_run().await;
    let other = Lab::open(folder.path()).await;

    tokio::join!(
        work(&one, "ann"),
        work(&one, "bob"),
        work(&other, "carl"),
        work(&other, "dora"),
    );

    // Checks every link.
    let entries = trail(&one).await;
    assert_eq!(entries.len(), 2 + 4 * 3 * EACH);
    for subject in ["ann", "bob", "carl", "dora"] {
        let of = entries.iter().filter_map(|entry| entry.actor.as_ref());
        let count = of.filter(|actor| actor.subject == subject).count();
        assert_eq!(count, 3 * EACH, "{subject}");
    }
    assert_eq!(trail(&other).await, entries);
    one.stop().await;
    other.stop().await;
}
