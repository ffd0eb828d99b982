//! What administrators list: excluded records by rule, runs, and what a run put into mailboxes.

use std::collections::BTreeSet;

use chatkeep_proto::v1::{
    ArchivedDelivery, ArchivedRequest, Captured, DeliveryState, Excluded, ListRunsRequest,
    ListRunsResponse, RunState, TaskKind, complete_request::Result as Outcome,
    exception::Exception as Kind,
};
use tonic::Code;

use crate::{
    lab::{CONNECTOR, Lab, new_task},
    world::{Conversation, World, blob, conversation, item},
};

const PEOPLE: [&str; 4] = [
    "ann@contoso.com",
    "bob@contoso.com",
    "cid@contoso.com",
    "dora@contoso.com",
];

fn excluded(rules: &[(&str, u64)]) -> Outcome {
    let rule = |(rule, records): &(&str, u64)| Excluded {
        rule: (*rule).to_owned(),
        records: *records,
    };
    Outcome::Captured(Captured {
        records_read: rules.iter().map(|(_, records)| records).sum(),
        excluded: rules.iter().map(rule).collect(),
        ..Captured::default()
    })
}

#[tokio::test]
async fn excluded_records_are_counted_by_the_name_of_their_rule() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let run = lab.open_run().await.run;
    let captures = [(0, 3), (3, 3)].map(|range| new_task(TaskKind::Capture, &blob("a"), range));
    lab.list(captures.into()).await;
    let first = lab.next("ingestion").await;
    let second = lab.next("ingestion").await;

    let bots_and_faxes = excluded(&[("bots", 2), ("faxes", 1)]);
    lab.complete(&first, bots_and_faxes.clone(), Vec::new())
        .await;
    lab.complete(&first, bots_and_faxes, Vec::new()).await;
    lab.complete(&second, excluded(&[("bots", 5)]), Vec::new())
        .await;

    assert_eq!(lab.ended(run).await, RunState::Succeeded);
    let records = lab.report(1).await.records.unwrap();
    assert_eq!((records.read, records.excluded), (8, 8));
    let listed = lab.exceptions(run).await.into_iter();
    let listed: Vec<_> = listed
        .map(|one| match one.exception {
            Some(Kind::Excluded(excluded)) => (excluded.rule, excluded.records),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(listed, [("bots".to_owned(), 7), ("faxes".to_owned(), 1)]);
}

async fn archived(lab: &Lab, number: i64) -> Result<Vec<ArchivedDelivery>, tonic::Status> {
    let request = ArchivedRequest {
        connector: "contoso".to_owned(),
        number,
    };
    let mut stream = lab.control.clone().archived(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(delivery) = stream.message().await? {
        all.push(delivery);
    }
    Ok(all)
}

/// Archives new conversations; Dora's mailbox is full. What was put into mailboxes.
async fn archive(lab: &Lab, conversations: Vec<Conversation>) -> BTreeSet<(Vec<u8>, String)> {
    let mut world = World::of(conversations);
    let refused = (DeliveryState::Failed, "quota");
    world.mailboxes.insert("dora@contoso.com", refused);
    let run = lab.open_run().await.run;
    let state = world.drive(lab, run).await;
    assert_eq!(state, RunState::SucceededWithExceptions);
    world.archived.into_inner().unwrap().into_iter().collect()
}

#[tokio::test]
async fn what_a_run_has_in_mailboxes_is_streamed_each_once_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    // More than one page of deliveries; three of each item never arrive.
    let mut people = PEOPLE.to_vec();
    people.extend(["nobody@contoso.com", "erik@fabrikam.com"]);
    let all = (0..200).map(|number| conversation(number, &people));
    let put_by_first = archive(&lab, all.collect()).await;
    let put_by_second = archive(&lab, vec![conversation(200, &PEOPLE)]).await;

    for (number, count, put) in [(1, 600, put_by_first), (2, 3, put_by_second)] {
        let streamed = archived(&lab, number).await.unwrap();

        assert_eq!(streamed.len(), count, "run {number}");
        let told = streamed.iter();
        let told = told.map(|one| (one.item.to_vec(), one.mailbox.clone()));
        assert_eq!(told.collect::<BTreeSet<_>>(), put, "run {number}");
        for one in &streamed {
            let awaited = (0..=200).map(item).find(|item| item.id == one.item);
            let awaited = awaited.unwrap();
            assert_eq!((one.date, &one.parts), (awaited.date, &awaited.parts));
        }
    }
    let unknown = archived(&lab, 3).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

async fn list_runs(
    lab: &Lab,
    connector: &str,
    limit: u32,
) -> Result<ListRunsResponse, tonic::Status> {
    let request = ListRunsRequest {
        connector: connector.to_owned(),
        limit,
        ..ListRunsRequest::default()
    };
    Ok(lab.control.clone().list_runs(request).await?.into_inner())
}

/// Name of the connector and number, as listed.
fn names(listed: &ListRunsResponse) -> Vec<(&str, i64)> {
    let names = listed.connector_names.iter().map(String::as_str);
    let numbers = listed.runs.iter().map(|run| run.number);
    assert_eq!(listed.runs.len(), listed.connector_names.len());
    names.zip(numbers).collect()
}

#[tokio::test]
async fn runs_are_listed_newest_first_with_their_balance() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let mut world = World::of(vec![conversation(1, &PEOPLE)]);
    let first = lab.open_run().await.run;
    world.drive(&lab, first).await;
    // Leaves no trace.
    let nothing_new = lab.open_run().await.run;
    world.drive(&lab, nothing_new).await;
    world.conversations.push(conversation(2, &PEOPLE[..2]));
    let second = lab.open_run().await.run;
    world.drive(&lab, second).await;
    let other = CONNECTOR
        .replace("\"Contoso\"", "\"Fabrikam\"")
        .replace("\"contoso\"", "\"fabrikam\"");
    let others = lab.try_open(&other).await.unwrap().run;

    let all = list_runs(&lab, "", 10).await.unwrap();
    let contoso = list_runs(&lab, "contoso", 10).await.unwrap();
    let newest = list_runs(&lab, "contoso", 1).await.unwrap();

    let listed = [("Fabrikam", 1), ("Contoso", 2), ("Contoso", 1)];
    assert_eq!(names(&all), listed);
    assert_eq!(names(&contoso), listed[1..]);
    assert_eq!(names(&newest), listed[1..2]);
    assert_eq!(all.runs[0].run, others);
    assert_eq!(all.runs[0].state(), RunState::Running);
    assert_eq!(contoso.runs[1], lab.report(1).await);
    assert_eq!(contoso.runs[0].kind, "supplement");
    assert_eq!(contoso.runs[0].records.unwrap().read, 1);
    assert_eq!(contoso.runs[0].deliveries.unwrap().imported, 2);
    let unknown = list_runs(&lab, "nobody", 10).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}
