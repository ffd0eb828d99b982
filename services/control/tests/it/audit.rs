//! The audit trail: every change by whom it was made, in a chain.

use chatkeep_control::Trail;
use chatkeep_proto::{
    ACTOR,
    v1::{
        Actor, AppendAuditRequest, AuditEntry, BackfillRequest, CancelBackfillRequest,
        CancelRunRequest, DeleteConnectorRequest, DeliverHeldRequest, ListAuditRequest,
        ListAuditResponse, LogRequest, OpenRunRequest, PauseConnectorRequest, PutConnectorRequest,
        ResumeConnectorRequest, RetryRequest, RunState,
    },
};
use serde_json::{Value, json};
use tonic::{Code, Request, Status};

use crate::{
    calendar::{Calendar, hour, midnight},
    lab::{CONNECTOR, Lab},
    world::{World, conversation},
};

pub(crate) fn by<R>(subject: &str, request: R) -> Request<R> {
    let actor = Actor {
        subject: subject.to_owned(),
        name: "Ann Änderung".to_owned(),
        roles: vec!["Operator".to_owned(), "Viewer".to_owned()],
        address: "192.0.2.7".to_owned(),
    };
    let mut request = Request::new(request);
    let metadata = request.metadata_mut();
    metadata.insert_bin(ACTOR, actor.to_metadata());
    request
}

async fn page(lab: &Lab, request: ListAuditRequest) -> ListAuditResponse {
    let page = lab.access.clone().list_audit(request).await;
    page.unwrap().into_inner()
}

/// The whole trail, checked.
pub(crate) async fn trail(lab: &Lab) -> Vec<AuditEntry> {
    let mut trail = Trail::default();
    let mut entries = Vec::new();
    let mut cursor = 0;
    loop {
        let request = ListAuditRequest {
            cursor,
            limit: 3,
            ..ListAuditRequest::default()
        };
        let page = page(lab, request).await;
        for entry in &page.entries {
            trail.check(entry).unwrap();
        }
        entries.extend(page.entries);
        if page.next == 0 {
            return entries;
        }
        cursor = page.next;
    }
}

/// Action, connector, object and outcome.
pub(crate) fn told<'a>(entries: &'a [AuditEntry]) -> Vec<[&'a str; 4]> {
    let told = |entry: &'a AuditEntry| {
        let words = [
            &entry.action,
            &entry.connector,
            &entry.object,
            &entry.outcome,
        ];
        words.map(String::as_str)
    };
    entries.iter().map(told).collect()
}

fn detail(entry: &AuditEntry) -> Value {
    serde_json::from_str(&entry.detail).unwrap()
}

async fn put(lab: &Lab, file: &str) -> Result<(), Status> {
    let request = PutConnectorRequest {
        connector_file: file.to_owned(),
        ..PutConnectorRequest::default()
    };
    let put = lab.control.clone().put_connector(by("ann", request)).await;
    put.map(drop)
}

async fn append(lab: &Lab, action: &str, detail: &str) -> Result<i64, Status> {
    let request = AppendAuditRequest {
        action: action.to_owned(),
        object: "/connectors".to_owned(),
        outcome: "denied".to_owned(),
        detail: detail.to_owned(),
        ..AppendAuditRequest::default()
    };
    let appended = lab.access.clone().append_audit(by("bob", request)).await?;
    Ok(appended.into_inner().sequence)
}

#[tokio::test]
async fn a_change_is_told_with_who_made_it_and_what_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    put(&lab, CONNECTOR).await.unwrap();
    put(&lab, CONNECTOR).await.unwrap();
    put(&lab, &CONNECTOR.replace("/exports", "/others"))
        .await
        .unwrap();

    let entries = trail(&lab).await;
    let awaited = [
        ["connector.create", "contoso", "", "done"],
        ["connector.update", "contoso", "", "done"],
    ];
    assert_eq!(told(&entries), awaited);
    let actor = entries[1].actor.clone().unwrap();
    assert_eq!((&*actor.subject, &*actor.name), ("ann", "Ann Änderung"));
    assert_eq!(actor.roles, ["Operator", "Viewer"]);
    assert_eq!(actor.address, "192.0.2.7");
    let changed = json!({"sources.1.path": {"before": "/exports", "after": "/others"}});
    assert_eq!(detail(&entries[1])["changed"], changed);
    lab.stop().await;
}

#[tokio::test]
async fn a_refused_change_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    put(&lab, CONNECTOR).await.unwrap();

    let other_domain = CONNECTOR.replace("\"contoso.com\"", "\"fabrikam.com\"");
    put(&lab, &other_domain).await.unwrap_err();
    put(&lab, "nonsense").await.unwrap_err();

    let entries = trail(&lab).await;
    let awaited = [
        ["connector.create", "contoso", "", "done"],
        ["connector.put", "contoso", "", "refused"],
        ["connector.put", "", "", "refused"],
    ];
    assert_eq!(told(&entries), awaited);
    let reason = detail(&entries[1])["reason"].to_string();
    assert!(reason.contains("domain"), "{reason}");
    lab.stop().await;
}

#[tokio::test]
async fn who_does_not_say_who_they_are_is_unknown_and_what_is_no_actor_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    lab.open_run().await;
    let pause = || PauseConnectorRequest {
        connector: "contoso".to_owned(),
    };
    let nobody = lab.control.clone().pause_connector(by("", pause())).await;
    let mut garbage = Request::new(pause());
    let value = tonic::metadata::MetadataValue::from_bytes(b"\xff\xff");
    garbage.metadata_mut().insert_bin(ACTOR, value);
    let garbage = lab.control.clone().pause_connector(garbage).await;

    assert_eq!(nobody.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(garbage.unwrap_err().code(), Code::InvalidArgument);
    let entries = trail(&lab).await;
    let awaited = [
        ["connector.create", "contoso", "", "done"],
        ["run.open", "contoso", "1", "done"],
    ];
    assert_eq!(told(&entries), awaited);
    assert!(
        entries
            .iter()
            .all(|entry| entry.actor.as_ref().unwrap().subject == "unknown")
    );
    lab.stop().await;
}

#[tokio::test]
async fn every_call_that_changes_something_is_told() {
    let calendar = Calendar::open(World::of(Vec::new()), hour(100, 12)).await;
    let lab = &calendar.lab;
    let mut control = lab.control.clone();
    let connector = || "contoso".to_owned();
    let named = || connector();

    let pause = PauseConnectorRequest { connector: named() };
    control.pause_connector(by("ann", pause)).await.unwrap();
    let order = BackfillRequest {
        connector: named(),
        from: midnight(10),
        to: midnight(12),
        ..BackfillRequest::default()
    };
    let ordered = control.backfill(by("ann", order)).await.unwrap();
    let backfill = ordered.into_inner().backfill;
    let cancel = CancelBackfillRequest {
        connector: named(),
        backfill,
    };
    control.cancel_backfill(by("ann", cancel)).await.unwrap();
    let resume = ResumeConnectorRequest { connector: named() };
    control.resume_connector(by("ann", resume)).await.unwrap();
    let open = OpenRunRequest {
        connector_file: CONNECTOR.to_owned(),
        ..OpenRunRequest::default()
    };
    control.open_run(by("ann", open.clone())).await.unwrap();
    control.open_run(by("ann", open)).await.unwrap();
    let cancel = CancelRunRequest {
        connector: named(),
        number: 1,
    };
    control.cancel_run(by("ann", cancel)).await.unwrap();
    calendar.newest(RunState::Cancelled).await;
    let held = DeliverHeldRequest {
        connector_file: CONNECTOR.to_owned(),
        max_part_bytes: 1,
    };
    let held = control.deliver_held(by("ann", held)).await.unwrap();
    calendar.world.drive(lab, held.into_inner().run).await;
    let retry = RetryRequest {
        connector: named(),
        number: 1,
    };
    control.retry(by("ann", retry)).await.unwrap();
    let log = LogRequest {
        connector: named(),
        number: 1,
    };
    control.log(by("ann", log)).await.unwrap();
    let delete = DeleteConnectorRequest {
        connector: named(),
        ..DeleteConnectorRequest::default()
    };
    control.delete_connector(by("ann", delete)).await.unwrap();

    let entries = trail(lab).await;
    let backfill = backfill.to_string();
    let awaited = [
        ["connector.create", "contoso", "", "done"],
        ["connector.pause", "contoso", "", "done"],
        ["backfill.order", "contoso", &backfill, "done"],
        ["backfill.cancel", "contoso", &backfill, "done"],
        ["connector.resume", "contoso", "", "done"],
        ["run.open", "contoso", "1", "done"],
        ["run.open", "contoso", "1", "done"],
        ["run.cancel", "contoso", "1", "done"],
        ["run.deliver-held", "contoso", "2", "done"],
        ["run.retry", "contoso", "1", "done"],
        ["log.download", "contoso", "1", "done"],
        ["connector.delete", "contoso", "", "done"],
    ];
    assert_eq!(told(&entries), awaited);
    assert_eq!(detail(&entries[6])["resumed"], true);
    let before = &detail(&entries[11])["before"];
    assert_eq!(before["target.path"], "/mailboxes");
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_call_that_the_database_undid_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let world = World::of(vec![conversation(1, &["ann@contoso.com"])]);
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;

    let retry = RetryRequest {
        connector: "contoso".to_owned(),
        number: 9,
    };
    let unknown = lab.control.clone().retry(by("ann", retry)).await;

    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    let entries = trail(&lab).await;
    let last = told(&entries).pop().unwrap();
    assert_eq!(last, ["run.retry", "contoso", "9", "refused"]);
    lab.stop().await;
}

#[tokio::test]
async fn what_another_service_saw_is_appended_and_nothing_that_is_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let sequence = append(&lab, "sign-in.denied", "{\"issuer\":\"x\"}").await;
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(20_000));
    for (action, detail) in [
        ("Sign-in.denied", "{}"),
        ("denied", "{}"),
        ("a.b.c", "{}"),
        (".denied", "{}"),
        ("page.denied", "[]"),
        ("page.denied", "{"),
        ("page.denied", &large),
    ] {
        let refused = append(&lab, action, detail).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{action}");
    }

    assert_eq!(sequence.unwrap(), 1);
    let entries = trail(&lab).await;
    let awaited = [["sign-in.denied", "", "/connectors", "denied"]];
    assert_eq!(told(&entries), awaited);
    lab.stop().await;
}

#[tokio::test]
async fn entries_are_listed_by_time_actor_and_object_page_by_page() {
    let calendar = Calendar::open(World::of(Vec::new()), hour(100, 0)).await;
    let lab = &calendar.lab;
    for day in 101..105 {
        calendar.clock.set(hour(day, 0));
        append(lab, "page.denied", "").await.unwrap();
    }
    calendar.pause().await;
    let sequences = |page: &ListAuditResponse| {
        let entries = page.entries.iter();
        entries.map(|entry| entry.sequence).collect::<Vec<_>>()
    };
    let millis = |day| Some(midnight(day) * 1000);

    let newest = ListAuditRequest {
        limit: 2,
        newest_first: true,
        ..ListAuditRequest::default()
    };
    let first = page(lab, newest.clone()).await;
    let second = ListAuditRequest {
        cursor: first.next,
        ..newest
    };
    let second = page(lab, second).await;
    let of_days = ListAuditRequest {
        from: millis(102),
        to: millis(104),
        ..ListAuditRequest::default()
    };
    let of_days = page(lab, of_days).await;
    let of_bob = ListAuditRequest {
        subject: "bob".to_owned(),
        newest_first: true,
        to: millis(103),
        ..ListAuditRequest::default()
    };
    let of_bob = page(lab, of_bob).await;
    let of_connector = ListAuditRequest {
        connector: "contoso".to_owned(),
        subject: "unknown".to_owned(),
        ..ListAuditRequest::default()
    };
    let of_connector = page(lab, of_connector).await;
    let of_action = ListAuditRequest {
        action: "connector.create".to_owned(),
        ..ListAuditRequest::default()
    };
    let of_action = page(lab, of_action).await;
    let of_page = ListAuditRequest {
        object: "/connectors".to_owned(),
        from: millis(103),
        ..ListAuditRequest::default()
    };
    let of_page = page(lab, of_page).await;
    let after_all = ListAuditRequest {
        from: millis(200),
        ..ListAuditRequest::default()
    };

    assert_eq!(sequences(&first), [6, 5]);
    assert_eq!(sequences(&second), [4, 3]);
    assert_eq!(sequences(&of_days), [3, 4]);
    assert_eq!(sequences(&of_bob), [3, 2]);
    assert_eq!(of_bob.next, 0);
    assert_eq!(sequences(&of_connector), [1, 6]);
    assert_eq!(sequences(&of_page), [4, 5]);
    assert_eq!(sequences(&of_action), [1]);
    assert_eq!(page(lab, after_all).await.entries, []);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_older_entry() {
    let calendar = Calendar::open(World::of(Vec::new()), hour(100, 0)).await;

    calendar.clock.set(hour(50, 0));
    append(&calendar.lab, "page.denied", "").await.unwrap();

    let entries = trail(&calendar.lab).await;
    assert_eq!(entries[1].time, entries[0].time);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn calls_at_the_same_time_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let appends = (0..40).map(|_| append(&lab, "page.denied", ""));
    let sequences = futures::future::join_all(appends).await;

    let mut sequences: Vec<_> = sequences.into_iter().map(Result::unwrap).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=40).collect::<Vec<_>>());
    assert_eq!(trail(&lab).await.len(), 40);
    lab.stop().await;
}
