//! Secrets that are lent for a look: to whom, and to be sent where.

use std::path::Path;

use chatkeep_proto::v1::{DeleteConnectorRequest, LendSecretRequest, PutConnectorRequest};
use tonic::{Code, Status};

use crate::{
    audit::{by, told, trail},
    lab::Lab,
    secrets::{connector, delete, open, put},
};

/// The connector, its mail server elsewhere.
pub(crate) fn elsewhere() -> String {
    connector().replace("host = \"mail\"", "host = \"mail.evil.example\"")
}

pub(crate) async fn lend(lab: &Lab, who: &str, file: &str, name: &str) -> Result<String, Status> {
    let request = LendSecretRequest {
        connector_file: file.to_owned(),
        name: name.to_owned(),
    };
    let lent = lab.ledger.clone().lend_secret(by(who, request)).await?;
    Ok(lent.into_inner().value)
}

pub(crate) async fn store(lab: &Lab, who: &str, file: &str) -> Result<(), Status> {
    let request = PutConnectorRequest {
        connector_file: file.to_owned(),
        ..PutConnectorRequest::default()
    };
    let stored = lab.control.clone().put_connector(by(who, request)).await;
    stored.map(drop)
}

/// The secret is ann's, and the connector that sends it to `mail` is stored.
pub(crate) async fn bound(folder: &Path) -> Lab {
    let lab = open(folder, 1, &[]).await;
    put(&lab, "imap", "s3cret").await.unwrap();
    store(&lab, "ann", &connector()).await.unwrap();
    lab
}

#[tokio::test]
async fn a_look_is_lent_the_secret_and_the_trail_says_who_has_it_sent_where() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;

    let lent = lend(&lab, "bob", &connector(), "imap").await.unwrap();

    assert_eq!(lent, "s3cret");
    let entries = trail(&lab).await;
    let last = entries.last().unwrap();
    assert_eq!(told(&entries).last().unwrap()[0], "secret.lend");
    assert_eq!(last.actor.as_ref().unwrap().subject, "bob");
    assert_eq!((&*last.connector, &*last.object), ("contoso", "imap"));
    assert_eq!(last.detail, "{\"places\":[\"imaps mail\"]}");
    lab.stop().await;
}

#[tokio::test]
async fn a_secret_is_not_lent_to_be_sent_to_another_server() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;

    let refused = lend(&lab, "bob", &elsewhere(), "imap").await.unwrap_err();
    let stored = store(&lab, "bob", &elsewhere()).await.unwrap_err();

    for refused in [refused, stored] {
        assert_eq!(refused.code(), Code::InvalidArgument);
        let said = refused.message();
        assert!(said.contains("imaps mail.evil.example"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let entries = trail(&lab).await;
    let refused = told(&entries).into_iter().filter(|it| it[3] == "refused");
    assert_eq!(refused.count(), 2);
    // As it is, the connector is still looked at and stored.
    lend(&lab, "bob", &connector(), "imap").await.unwrap();
    store(&lab, "bob", &connector()).await.unwrap();
    lab.stop().await;
}

#[tokio::test]
async fn neither_letting_go_of_a_secret_nor_deleting_its_connector_frees_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;
    let without = connector().replace("secret:imap", "env:PASSWORD");
    store(&lab, "bob", &without).await.unwrap();
    let request = DeleteConnectorRequest {
        connector: "contoso".to_owned(),
        expected_version: None,
        ..DeleteConnectorRequest::default()
    };
    let mut control = lab.control.clone();
    control.delete_connector(by("bob", request)).await.unwrap();

    for file in [elsewhere(), elsewhere().replace("Contoso", "Fabrikam")] {
        let refused = lend(&lab, "bob", &file, "imap").await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{file}");
        let refused = store(&lab, "bob", &file).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{file}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn who_entered_a_secret_may_have_it_sent_elsewhere_and_then_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;

    lend(&lab, "ann", &elsewhere(), "imap").await.unwrap();
    let before = lend(&lab, "bob", &elsewhere(), "imap").await.unwrap_err();
    store(&lab, "ann", &elsewhere()).await.unwrap();
    let after = lend(&lab, "bob", &elsewhere(), "imap").await.unwrap();

    assert_eq!(before.code(), Code::InvalidArgument);
    assert_eq!(after, "s3cret");
    lab.stop().await;
}

#[tokio::test]
async fn a_secret_that_was_deleted_and_entered_again_has_no_places() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;
    let without = connector().replace("secret:imap", "env:PASSWORD");
    store(&lab, "ann", &without).await.unwrap();
    delete(&lab, "imap").await.unwrap();
    put(&lab, "imap", "an0ther").await.unwrap();

    let lent = lend(&lab, "bob", &elsewhere(), "imap").await.unwrap();

    assert_eq!(lent, "an0ther");
    lab.stop().await;
}

#[tokio::test]
async fn the_first_look_of_somebody_else_says_where_a_secret_goes() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    put(&lab, "imap", "s3cret").await.unwrap();

    // Who has entered it tries out servers.
    lend(&lab, "ann", &elsewhere(), "imap").await.unwrap();
    lend(&lab, "bob", &connector(), "imap").await.unwrap();
    let refused = lend(&lab, "bob", &elsewhere(), "imap").await.unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    lab.stop().await;
}

#[tokio::test]
async fn what_the_file_does_not_name_or_nobody_stored_is_not_lent() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    put(&lab, "other", "t0p").await.unwrap();

    let unnamed = lend(&lab, "ann", &connector(), "other").await.unwrap_err();
    let missing = lend(&lab, "ann", &connector(), "imap").await.unwrap_err();

    assert_eq!(unnamed.code(), Code::PermissionDenied);
    assert_eq!(missing.code(), Code::NotFound);
    lab.stop().await;
}
