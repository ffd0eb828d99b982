//! What the ledger knows for ever, and what it forgets of runs that are cleared.

use chatkeep_control::verify_offline;
use chatkeep_model::connector::HoldFor;
use chatkeep_proto::v1::{
    ArchivedRequest, Captured, DeliveryState, Listed, TraceItemRequest, TraceItemResponse,
    complete_request::Result as Outcome,
};
use tonic::Code;

use crate::{
    clearing::{at_once, cleared, one_held},
    lab::Lab,
    world::{conversation, item_id},
};

/// Everything the ledger says of its runs.
async fn told(lab: &Lab) -> String {
    let mut told = String::new();
    for number in 1..=2 {
        let report = lab.report(number).await;
        let exceptions = lab.exceptions(report.run).await;
        told += &format!("{report:?}\n{exceptions:?}\n");
        let request = ArchivedRequest {
            connector: "contoso".to_owned(),
            number,
        };
        let archived = lab.control.clone().archived(request).await;
        let mut archived = archived.unwrap().into_inner();
        while let Some(delivery) = archived.message().await.unwrap() {
            told += &format!("{delivery:?}\n");
        }
    }
    for number in 0..20 {
        let request = TraceItemRequest {
            item: item_id(number).into(),
            ..TraceItemRequest::default()
        };
        let trace = lab.control.clone().trace_item(request).await;
        let trace = trace.map(|trace| TraceItemResponse {
            batch: None,
            blob: None,
            ..trace.into_inner()
        });
        told += &format!("{:?}\n", trace.ok());
    }
    told
}

#[tokio::test]
async fn what_the_ledger_says_of_a_run_is_the_same_when_nobody_reads_its_tasks_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = at_once();
    settings.janitor.after = HoldFor::Forever;
    let lab = Lab::open_with(folder.path(), &settings).await;
    let mut world = one_held();
    world.conversations.truncate(15);
    // A copy, one that cannot be rendered, one that fails.
    world
        .conversations
        .push(conversation(3, &["ann@contoso.com"]));
    world.conversations[7].is_broken = true;
    world.mailboxes = [("bob@contoso.com", (DeliveryState::Failed, "quota"))].into();
    let run = lab.open_run().await.run;
    let refresh = lab.next("mapping").await;
    world.work(&lab, &refresh).await;
    let list = lab.next("ingestion").await;
    world.work(&lab, &list).await;
    let capture = lab.next("ingestion").await;
    world.work(&lab, &capture).await;
    world.drive(&lab, run).await;
    world.mailboxes.clear();
    world
        .conversations
        .push(conversation(3, &["ann@contoso.com"]));
    world
        .conversations
        .push(conversation(16, &["ann@contoso.com", "late@contoso.com"]));
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    let before = told(&lab).await;
    lab.stop().await;

    let lab = Lab::open_with(folder.path(), &at_once()).await;
    cleared(&lab).await;

    let kept = |text: &str| text.replace("kept/", "");
    assert_eq!(kept(&told(&lab).await), before);
    // Nobody knows most tasks any more; those that have claimed records are known.
    let repeat = lab.try_complete(&list, Outcome::Listed(Listed::default()), Vec::new());
    assert_eq!(repeat.await.unwrap_err().code(), Code::FailedPrecondition);
    let captured = Outcome::Captured(Captured::default());
    lab.complete(&capture, captured, Vec::new()).await;
    world
        .conversations
        .push(conversation(16, &["bob@contoso.com"]));
    world
        .conversations
        .push(conversation(17, &["bob@contoso.com"]));
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    let records = lab.report(3).await.records.unwrap();
    assert_eq!(
        (records.read, records.rendered, records.duplicates),
        (2, 1, 1)
    );
    let copies = folder.path().join("copies");
    lab.copy_manifests(&copies).await;
    verify_offline(&copies.join("000003.jsonl")).unwrap();
}
