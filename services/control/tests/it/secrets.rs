//! Secrets that people enter: written, never read again but by stages that need them.

use std::{fs, path::Path};

use chatkeep_control::Settings;
use chatkeep_model::connector::SecretRef;
use chatkeep_proto::v1::{
    DeleteSecretRequest, ListSecretsRequest, ListSecretsResponse, PutConnectorRequest,
    PutSecretRequest, Refreshed, SecretRequest, Task, complete_request::Result as Outcome,
};
use data_encoding::BASE64;
use tonic::{Code, Status};

use crate::{
    audit::{by, told, trail},
    lab::{CONNECTOR, Lab, settings},
    world::blob,
};

/// A key of this byte, in a file.
fn key(folder: &Path, byte: u8) -> SecretRef {
    let file = folder.join(format!("key-{byte}"));
    fs::write(&file, BASE64.encode(&[byte; 32])).unwrap();
    SecretRef::File(file)
}

pub(crate) async fn open(folder: &Path, current: u8, old: &[u8]) -> Lab {
    let settings = Settings {
        secrets_key: Some(key(folder, current)),
        secrets_keys_old: old.iter().map(|byte| key(folder, *byte)).collect(),
        ..settings()
    };
    Lab::open_with(folder, &settings).await
}

pub(crate) async fn put(lab: &Lab, name: &str, value: &str) -> Result<bool, Status> {
    let request = PutSecretRequest {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let stored = lab.access.clone().put_secret(by("ann", request)).await?;
    Ok(stored.into_inner().is_new)
}

async fn list(lab: &Lab) -> ListSecretsResponse {
    let listed = lab.access.clone().list_secrets(ListSecretsRequest {}).await;
    listed.unwrap().into_inner()
}

pub(crate) async fn delete(lab: &Lab, name: &str) -> Result<(), Status> {
    let request = DeleteSecretRequest {
        name: name.to_owned(),
    };
    let deleted = lab.access.clone().delete_secret(by("ann", request)).await;
    deleted.map(drop)
}

pub(crate) async fn read(lab: &Lab, task: &Task, name: &str) -> Result<String, Status> {
    let request = SecretRequest {
        task: task.id.clone(),
        name: name.to_owned(),
    };
    let secret = lab.ledger.clone().secret(request).await?;
    Ok(secret.into_inner().value)
}

/// A connector whose target has a password that control keeps.
pub(crate) fn connector() -> String {
    let target = "type = \"imap\"\nhost = \"mail\"\nauth = \"master\"\nuser = \"env:USER\"\n\
        password = \"secret:imap\"";
    CONNECTOR.replace("type = \"maildir\"\npath = \"/mailboxes\"", target)
}

/// A task of a run of that connector.
async fn task(lab: &Lab) -> Task {
    lab.try_open(&connector()).await.unwrap();
    lab.next("mapping").await
}

#[tokio::test]
async fn a_stage_reads_a_secret_that_its_connector_names_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    put(&lab, "imap", "s3cret").await.unwrap();
    put(&lab, "other", "t0p").await.unwrap();

    let task = task(&lab).await;

    assert_eq!(read(&lab, &task, "imap").await.unwrap(), "s3cret");
    let other = read(&lab, &task, "other").await.unwrap_err();
    assert_eq!(other.code(), Code::PermissionDenied);
    let refreshed = Refreshed {
        directory: Some(blob("directory")),
        ..Refreshed::default()
    };
    lab.complete(&task, Outcome::Refreshed(refreshed), Vec::new())
        .await;
    let closed = read(&lab, &task, "imap").await.unwrap_err();
    assert_eq!(closed.code(), Code::FailedPrecondition);
    lab.stop().await;
}

#[tokio::test]
async fn a_secret_that_is_named_and_not_stored_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;

    let task = task(&lab).await;

    let missing = read(&lab, &task, "imap").await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    lab.stop().await;
}

#[tokio::test]
async fn a_secret_is_told_by_name_only_and_stands_nowhere_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;

    assert!(put(&lab, "imap", "s3cret-s3cret").await.unwrap());
    assert!(!put(&lab, "imap", "an0ther-an0ther").await.unwrap());
    let request = PutConnectorRequest {
        connector_file: connector(),
        ..PutConnectorRequest::default()
    };
    lab.control.clone().put_connector(request).await.unwrap();

    let listed = list(&lab).await;
    assert!(listed.has_key);
    assert_eq!(listed.secrets[0].name, "imap");
    assert_eq!(listed.secrets[0].connectors, ["contoso"]);
    let entries = trail(&lab).await;
    assert_eq!(told(&entries)[0], ["secret.put", "", "imap", "done"]);
    assert_eq!(entries[1].detail, "{\"is_new\":false}");
    lab.stop().await;
    // In PostgreSQL there are no such files.
    for file in fs::read_dir(folder.path()).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap_or_default();
        for secret in [&b"s3cret-s3cret"[..], b"an0ther-an0ther"] {
            assert!(!content.windows(secret.len()).any(|it| it == secret));
        }
    }
}

#[tokio::test]
async fn a_secret_that_a_connector_names_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    put(&lab, "imap", "s3cret").await.unwrap();
    put(&lab, "other", "t0p").await.unwrap();
    task(&lab).await;

    let used = delete(&lab, "imap").await.unwrap_err();
    delete(&lab, "other").await.unwrap();
    let gone = delete(&lab, "other").await.unwrap_err();

    assert_eq!(used.code(), Code::FailedPrecondition);
    assert_eq!(gone.code(), Code::NotFound);
    assert_eq!(list(&lab).await.secrets.len(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn without_a_key_no_secret_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;

    let refused = put(&lab, "imap", "s3cret").await.unwrap_err();

    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("control.secrets_key"));
    assert!(!list(&lab).await.has_key);
    lab.stop().await;
}

#[tokio::test]
async fn what_is_no_name_or_no_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    let (long_name, long) = ("n".repeat(101), "s".repeat(65_537));

    for (name, value) in [
        ("", "s"),
        ("a b", "s"),
        ("ä", "s"),
        (&*long_name, "s"),
        ("a", ""),
        ("a", &*long),
    ] {
        let refused = put(&lab, name, value).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{name}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn after_a_rotation_the_new_key_alone_reads_every_secret() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    put(&lab, "imap", "s3cret").await.unwrap();
    let task = task(&lab).await;
    let before = list(&lab).await;
    lab.stop().await;

    open(folder.path(), 2, &[1]).await.stop().await;
    let lab = open(folder.path(), 2, &[]).await;

    assert_eq!(read(&lab, &task, "imap").await.unwrap(), "s3cret");
    assert_eq!(list(&lab).await, before);
    lab.stop().await;
}

#[tokio::test]
async fn a_secret_whose_key_is_lost_is_not_found_and_control_starts() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    put(&lab, "imap", "s3cret").await.unwrap();
    let task = task(&lab).await;
    lab.stop().await;

    let lab = open(folder.path(), 2, &[]).await;

    let lost = read(&lab, &task, "imap").await.unwrap_err();
    assert_eq!(lost.code(), Code::NotFound);
    put(&lab, "imap", "an0ther").await.unwrap();
    assert_eq!(read(&lab, &task, "imap").await.unwrap(), "an0ther");
    lab.stop().await;
}
