//! Who decides about changes that have to be approved, and until when.

use std::time::{Duration, SystemTime};

use chatkeep_control::Clock;
use chatkeep_proto::v1::{ProposalState, PutConnectorRequest};
use tonic::Code;

use crate::{
    audit::{told, trail},
    lab::{CONNECTOR, Lab},
    proposals::{
        approval, approve, approving, create, get, open, other_directory, proposal, propose,
        reject, with_roles, withdraw,
    },
};

#[tokio::test]
async fn who_proposed_a_change_cannot_approve_or_reject_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let number = propose(&lab, "ann", CONNECTOR).await;

    let approved = approve(&lab, "ann", number).await.unwrap_err();
    let rejected = reject(&lab, "ann", number, "no").await.unwrap_err();

    assert_eq!(approved.code(), Code::PermissionDenied);
    assert_eq!(rejected.code(), Code::PermissionDenied);
    assert_eq!(proposal(&lab, number).await.state(), ProposalState::Waiting);
    let entries = trail(&lab).await;
    let denied = ["proposal.approve", "", "1", "denied"];
    assert_eq!(told(&entries)[1], denied);
    lab.stop().await;
}

#[tokio::test]
async fn who_lacks_a_role_or_a_name_or_comes_another_way_approves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let number = propose(&lab, "ann", CONNECTOR).await;
    let mut control = lab.control.clone();

    let nobody = control.approve_proposal(approval(number)).await;
    let roles = ["Operator", "Data Connector Admin"];
    let operator = with_roles("bob", &roles, approval(number));
    let operator = control.approve_proposal(operator).await;
    let terminal = with_roles("cli:bob", &[], approval(number));
    let terminal = control.approve_proposal(terminal).await;
    let unnamed = PutConnectorRequest {
        connector_file: other_directory(),
        ..PutConnectorRequest::default()
    };
    let unnamed = control.put_connector(unnamed).await.map(drop);

    for refused in [
        nobody.map(drop),
        operator.map(drop),
        terminal.map(drop),
        unnamed,
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    }
    approve(&lab, "bob", number).await.unwrap();
    lab.stop().await;
}

#[tokio::test]
async fn two_users_of_the_command_line_approve_each_others_changes() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let request = PutConnectorRequest {
        connector_file: CONNECTOR.to_owned(),
        ..PutConnectorRequest::default()
    };
    let request = with_roles("cli:ann", &[], request);
    let number = lab.control.clone().put_connector(request).await;
    let number = number.unwrap().into_inner().proposal;

    let own = with_roles("cli:ann", &[], approval(number));
    let own = lab.control.clone().approve_proposal(own).await;
    let others = with_roles("cli:bob", &[], approval(number));
    let others = lab.control.clone().approve_proposal(others).await;

    assert_eq!(own.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(others.unwrap().into_inner().version, 1);
    lab.stop().await;
}

#[tokio::test]
async fn a_proposal_is_stale_when_another_version_was_stored_since() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    create(&lab).await;
    let first = propose(&lab, "ann", &other_directory()).await;
    let second = CONNECTOR.replace("/mailboxes", "/elsewhere");
    let second = propose(&lab, "cid", &second).await;
    approve(&lab, "bob", first).await.unwrap();

    let late = approve(&lab, "bob", second).await.unwrap_err();

    assert_eq!(late.code(), Code::Aborted);
    assert!(proposal(&lab, second).await.is_stale);
    assert!(!proposal(&lab, first).await.is_stale);
    assert_eq!(get(&lab).await.connector_file, other_directory());
    reject(&lab, "bob", second, "propose it again")
        .await
        .unwrap();
    lab.stop().await;
}

#[tokio::test]
async fn what_nobody_decides_in_time_expires() {
    let folder = tempfile::tempdir().unwrap();
    let start = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
    let clock = Clock::standing_at(start);
    let lab = Lab::open_at(folder.path(), &approving(), &clock).await;
    let number = propose(&lab, "ann", CONNECTOR).await;

    clock.set(start + Duration::from_hours(7 * 24));
    let late = approve(&lab, "bob", number).await.unwrap_err();
    let patience = tokio::time::timeout(Duration::from_mins(1), async {
        while proposal(&lab, number).await.state() != ProposalState::Expired {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    patience.await.unwrap();

    assert_eq!(late.code(), Code::FailedPrecondition);
    let entries = trail(&lab).await;
    let last = entries.last().unwrap();
    assert_eq!(last.action, "proposal.expire");
    assert_eq!(last.actor.as_ref().unwrap().subject, "control");
    let again = approve(&lab, "bob", number).await.unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition);
    let next = propose(&lab, "ann", CONNECTOR).await;
    assert_ne!(next, number);
    lab.stop().await;
}

#[tokio::test]
async fn of_two_who_approve_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let number = propose(&lab, "ann", CONNECTOR).await;

    let (one, other) = tokio::join!(approve(&lab, "bob", number), approve(&lab, "cid", number));

    let refused = one.and(other).unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(get(&lab).await.summary.unwrap().version, 1);
    let entries = trail(&lab).await;
    let done = told(&entries).into_iter();
    let done = done.filter(|entry| entry[0] == "proposal.approve" && entry[3] == "done");
    assert_eq!(done.count(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn a_proposal_is_taken_back_by_who_made_it_and_rejected_with_a_reason_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path()).await;
    let number = propose(&lab, "ann", CONNECTOR).await;

    let foreign = withdraw(&lab, "bob", number).await.unwrap_err();
    let silent = reject(&lab, "bob", number, " ").await.unwrap_err();
    withdraw(&lab, "ann", number).await.unwrap();
    let late = approve(&lab, "bob", number).await.unwrap_err();
    let next = propose(&lab, "ann", CONNECTOR).await;
    reject(&lab, "bob", next, "the wrong folder").await.unwrap();

    assert_eq!(foreign.code(), Code::PermissionDenied);
    assert_eq!(silent.code(), Code::InvalidArgument);
    assert_eq!(late.code(), Code::FailedPrecondition);
    let withdrawn = proposal(&lab, number).await;
    assert_eq!(withdrawn.state(), ProposalState::Withdrawn);
    let rejected = proposal(&lab, next).await;
    assert_eq!(rejected.state(), ProposalState::Rejected);
    assert_eq!(
        (&*rejected.decider, &*rejected.decision),
        ("bob", "the wrong folder")
    );
    assert!(rejected.decided.is_some());
    lab.stop().await;
}
