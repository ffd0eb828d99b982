//! Changes that a second person has to approve.

use std::path::Path;

use chatkeep_control::{ApprovalSettings, Settings};
use chatkeep_proto::{
    ACTOR,
    v1::{
        Actor, ApproveProposalRequest, DeleteConnectorRequest, DeliverHeldRequest,
        GetConnectorRequest, GetConnectorResponse, GetProposalRequest, ListConnectorsRequest,
        ListProposalsRequest, Proposal, ProposalKind, PutConnectorRequest, PutConnectorResponse,
        RejectProposalRequest, WithdrawProposalRequest,
    },
};
use tonic::{Code, Request, Status};

use crate::{
    audit::{told, trail},
    lab::{CONNECTOR, Lab, settings},
};

pub(crate) fn approving() -> Settings {
    Settings {
        approval: ApprovalSettings {
            required: true,
            ..ApprovalSettings::default()
        },
        ..settings()
    }
}

pub(crate) async fn open(folder: &Path) -> Lab {
    Lab::open_with(folder, &approving()).await
}

pub(crate) fn with_roles<R>(subject: &str, roles: &[&str], request: R) -> Request<R> {
    let actor = Actor {
        subject: subject.to_owned(),
        name: format!("{subject} of Contoso"),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::default()
    };
    let mut request = Request::new(request);
    request
        .metadata_mut()
        .insert_bin(ACTOR, actor.to_metadata());
    request
}

/// Somebody who has signed in and may change connectors.
fn by<R>(subject: &str, request: R) -> Request<R> {
    let roles = ["Data Connector Admin", "Mailbox Import Export"];
    with_roles(subject, &roles, request)
}

async fn put(lab: &Lab, subject: &str, file: &str) -> Result<PutConnectorResponse, Status> {
    let request = PutConnectorRequest {
        connector_file: file.to_owned(),
        reason: "ticket 4711".to_owned(),
        ..PutConnectorRequest::default()
    };
    let put = lab
        .control
        .clone()
        .put_connector(by(subject, request))
        .await?;
    Ok(put.into_inner())
}

pub(crate) async fn propose(lab: &Lab, subject: &str, file: &str) -> i64 {
    let answer = put(lab, subject, file).await.unwrap();
    assert_ne!(answer.proposal, 0, "{answer:?}");
    answer.proposal
}

pub(crate) fn approval(proposal: i64) -> ApproveProposalRequest {
    ApproveProposalRequest {
        proposal,
        reason: String::new(),
    }
}

pub(crate) async fn approve(lab: &Lab, subject: &str, proposal: i64) -> Result<i64, Status> {
    let request = by(subject, approval(proposal));
    let approved = lab.control.clone().approve_proposal(request).await?;
    Ok(approved.into_inner().version)
}

/// Stores the lab's connector, as two people do.
pub(crate) async fn create(lab: &Lab) {
    let proposal = propose(lab, "ann", CONNECTOR).await;
    approve(lab, "bob", proposal).await.unwrap();
}

pub(crate) async fn get(lab: &Lab) -> GetConnectorResponse {
    let request = GetConnectorRequest {
        connector: "contoso".to_owned(),
    };
    let stored = lab.control.clone().get_connector(request).await;
    stored.unwrap().into_inner()
}

pub(crate) async fn proposal(lab: &Lab, proposal: i64) -> Proposal {
    let request = GetProposalRequest { proposal };
    let found = lab.control.clone().get_proposal(request).await.unwrap();
    found.into_inner().proposal.unwrap()
}

pub(crate) async fn reject(
    lab: &Lab,
    subject: &str,
    proposal: i64,
    reason: &str,
) -> Result<(), Status> {
    let request = RejectProposalRequest {
        proposal,
        reason: reason.to_owned(),
    };
    let mut control = lab.control.clone();
    control
        .reject_proposal(by(subject, request))
        .await
        .map(drop)
}

pub(crate) async fn withdraw(lab: &Lab, subject: &str, proposal: i64) -> Result<(), Status> {
    let request = by(subject, WithdrawProposalRequest { proposal });
    lab.control
        .clone()
        .withdraw_proposal(request)
        .await
        .map(drop)
}

pub(crate) fn other_directory() -> String {
    CONNECTOR.replace("/directory.csv", "/others.csv")
}

fn at_five() -> String {
    format!("{CONNECTOR}\n[schedule]\nat = \"05:00\"\n")
}

#[tokio::test]
async fn a_new_connector_does_nothing_until_another_person_approves_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;

    let answer = put(&lab, "ann", CONNECTOR).await.unwrap();

    assert_eq!((answer.version, answer.is_new), (0, true));
    let all = ListConnectorsRequest { deleted: true };
    let all = lab.control.clone().list_connectors(all).await.unwrap();
    assert_eq!(all.into_inner().connectors.len(), 0);
    let run = lab.try_open(CONNECTOR).await.unwrap_err();
    assert_eq!(run.code(), Code::FailedPrecondition);
    let waits = proposal(&lab, answer.proposal).await;
    assert_eq!(
        (waits.kind(), waits.base_version),
        (ProposalKind::Create, 0)
    );
    assert_eq!((&*waits.proposer, &*waits.reason), ("ann", "ticket 4711"));
    assert_eq!(waits.connector_file, CONNECTOR);
    assert!(waits.changes.iter().all(|change| change.before.is_none()));

    assert_eq!(approve(&lab, "bob", answer.proposal).await.unwrap(), 1);

    assert_eq!(get(&lab).await.connector_file, CONNECTOR);
    lab.open_run().await;
    lab.stop().await;
}

#[tokio::test]
async fn runs_go_by_the_approved_version_until_another_is_approved() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    create(&lab).await;

    let number = propose(&lab, "ann", &other_directory()).await;

    let before = get(&lab).await;
    assert_eq!(before.connector_file, CONNECTOR);
    assert_eq!(before.summary.unwrap().proposals, 1);
    let waits = proposal(&lab, number).await;
    let changes = waits.changes.iter();
    let changes: Vec<_> = changes
        .map(|it| (&*it.key, it.before.as_deref(), it.after.as_deref()))
        .collect();
    let change = (
        "directory.path",
        Some("/directory.csv"),
        Some("/others.csv"),
    );
    assert_eq!(changes, [change]);
    lab.open_run().await;
    approve(&lab, "bob", number).await.unwrap();
    let after = get(&lab).await;
    assert_eq!(after.connector_file, other_directory());
    let summary = after.summary.unwrap();
    assert_eq!((summary.version, summary.proposals), (2, 0));
    lab.stop().await;
}

#[tokio::test]
async fn what_decides_nothing_about_mail_is_stored_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    create(&lab).await;

    let stored = put(&lab, "ann", &at_five()).await.unwrap();

    assert_eq!((stored.proposal, stored.version), (0, 2));
    assert_eq!(get(&lab).await.connector_file, at_five());
    lab.stop().await;
}

#[tokio::test]
async fn no_run_brings_a_change_that_nobody_approved() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    create(&lab).await;

    let run = lab.try_open(&other_directory()).await.unwrap_err();
    let held = DeliverHeldRequest {
        connector_file: other_directory(),
        max_part_bytes: 0,
    };
    let held = lab.control.clone().deliver_held(held).await.unwrap_err();

    for refused in [run, held] {
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("propose it"), "{refused}");
    }
    assert_eq!(get(&lab).await.connector_file, CONNECTOR);
    lab.try_open(&at_five()).await.unwrap();
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_is_deleted_when_another_person_approves_that() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    create(&lab).await;
    let request = DeleteConnectorRequest {
        connector: "contoso".to_owned(),
        expected_version: Some(1),
        reason: String::new(),
    };

    let mut control = lab.control.clone();
    let deletion = control.delete_connector(by("ann", request)).await;
    let number = deletion.unwrap().into_inner().proposal;

    assert_eq!(proposal(&lab, number).await.kind(), ProposalKind::Delete);
    assert_eq!(get(&lab).await.summary.unwrap().version, 1);
    assert_eq!(approve(&lab, "bob", number).await.unwrap(), 2);
    let left = ListConnectorsRequest::default();
    let left = lab.control.clone().list_connectors(left).await.unwrap();
    assert_eq!(left.into_inner().connectors.len(), 0);
    // Back it comes like a new one.
    let back = propose(&lab, "ann", CONNECTOR).await;
    assert_eq!(proposal(&lab, back).await.kind(), ProposalKind::Create);
    assert_eq!(approve(&lab, "bob", back).await.unwrap(), 3);
    lab.stop().await;
}

#[tokio::test]
async fn who_proposes_the_same_again_proposes_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;

    let first = propose(&lab, "ann", CONNECTOR).await;
    let again = propose(&lab, "ann", CONNECTOR).await;
    let others = propose(&lab, "bob", CONNECTOR).await;

    assert_eq!(again, first);
    assert_ne!(others, first);
    lab.stop().await;
}

#[tokio::test]
async fn the_trail_tells_who_proposed_and_who_approved_what() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;

    create(&lab).await;

    let entries = trail(&lab).await;
    let awaited = [
        ["proposal.create", "contoso", "1", "done"],
        ["connector.create", "contoso", "1", "done"],
        ["proposal.approve", "contoso", "1", "done"],
    ];
    assert_eq!(told(&entries), awaited);
    let actors: Vec<_> = entries
        .iter()
        .map(|entry| entry.actor.clone().unwrap().subject)
        .collect();
    assert_eq!(actors, ["ann", "bob", "bob"]);
    assert!(entries[0].detail.contains("ticket 4711"));
    assert!(entries[2].detail.contains("\"proposer\":\"ann\""));
    lab.stop().await;
}

#[tokio::test]
async fn without_the_setting_a_change_is_stored_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let stored = put(&lab, "ann", CONNECTOR).await.unwrap();

    assert_eq!((stored.proposal, stored.version), (0, 1));
    let page = lab
        .control
        .clone()
        .list_proposals(ListProposalsRequest::default())
        .await;
    let page = page.unwrap().into_inner();
    assert!(!page.is_required && page.proposals.is_empty());
    lab.stop().await;
}
