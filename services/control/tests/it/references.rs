//! What connector files may have the services read themselves.

use std::path::Path;

use chatkeep_control::{Reference, Settings};
use chatkeep_proto::v1::DeleteConnectorRequest;
use tonic::{Code, Status};

use crate::{
    audit::{by, told, trail},
    lab::{CONNECTOR, Lab, settings},
    lending::{lend, store},
};

const PASSWORD: &str = "env:PASSWORD";

/// A connector whose target has a password that the service reads itself.
fn connector() -> String {
    let target = "type = \"imap\"\nhost = \"mail\"\nauth = \"master\"\nuser = \"file:/mail/user\"\n\
        password = \"env:PASSWORD\"";
    CONNECTOR.replace("type = \"maildir\"\npath = \"/mailboxes\"", target)
}

/// The connector, its mail server elsewhere.
fn elsewhere() -> String {
    connector().replace("host = \"mail\"", "host = \"mail.evil.example\"")
}

async fn open(folder: &Path, listed: Option<&[&str]>) -> Lab {
    let reference = |text: &&str| Reference::try_from((*text).to_owned()).unwrap();
    let settings = Settings {
        references: listed.map(|listed| listed.iter().map(reference).collect()),
        ..settings()
    };
    Lab::open_with(folder, &settings).await
}

fn assert_refused(refused: &Status) {
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("control.references"),
        "{refused}"
    );
}

#[tokio::test]
async fn without_being_listed_nothing_is_read_for_a_look_a_connector_or_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), Some(&["env:PASS", "file:/mail/*"])).await;

    let look = lend(&lab, "bob", &connector(), PASSWORD).await;
    let stored = store(&lab, "bob", &connector()).await;
    let run = lab.try_open(&connector()).await;
    // What was refused has left nothing that would allow it.
    let again = store(&lab, "bob", &connector()).await;

    assert_refused(&look.unwrap_err());
    assert_refused(&stored.unwrap_err());
    assert_refused(&run.unwrap_err());
    assert_refused(&again.unwrap_err());
    let entries = trail(&lab).await;
    let refused = told(&entries).into_iter().filter(|it| it[3] == "refused");
    assert_eq!(refused.count(), 4);
    lab.stop().await;
}

#[tokio::test]
async fn the_identity_of_a_service_goes_to_microsoft_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), Some(&[])).await;
    let graph =
        "type = \"graph\"\nauth = { tenant = \"t\", client = \"c\", workload_identity = true }";
    let file = CONNECTOR.replace("type = \"maildir\"\npath = \"/mailboxes\"", graph);
    let authority = "workload_identity = true, authority = \"https://login.evil.example\"";
    let forged = file.replace("workload_identity = true", authority);
    let taken = file.replace(
        "type = \"graph\"",
        "type = \"graph\"\nendpoint = \"https://graph.evil.example/v1.0\"",
    );

    let identity = "workload-identity:entra";
    lend(&lab, "bob", &file, identity).await.unwrap();
    for file in [forged, taken] {
        assert_refused(&lend(&lab, "bob", &file, identity).await.unwrap_err());
        assert_refused(&store(&lab, "bob", &file).await.unwrap_err());
    }
    store(&lab, "bob", &file).await.unwrap();
    lab.stop().await;
}

#[tokio::test]
async fn what_is_listed_is_read_and_the_trail_says_where_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), Some(&["env:PASSWORD", "file:/mail/*"])).await;

    let lent = lend(&lab, "bob", &connector(), PASSWORD).await.unwrap();
    store(&lab, "bob", &connector()).await.unwrap();
    lab.try_open(&connector()).await.unwrap();

    // Control has not got it.
    assert_eq!(lent, "");
    let entries = trail(&lab).await;
    let first = &entries[0];
    assert_eq!(
        told(&entries)[0],
        ["secret.lend", "contoso", PASSWORD, "done"]
    );
    assert_eq!(first.detail, "{\"places\":[\"imaps mail\"]}");
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_file_cannot_be_asked_for_what_it_does_not_name() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), None).await;

    let unnamed = lend(&lab, "bob", &connector(), "env:OTHER").await;

    assert_eq!(unnamed.unwrap_err().code(), Code::PermissionDenied);
    lab.stop().await;
}

#[tokio::test]
async fn what_a_connector_in_use_names_goes_on_being_sent_where_it_goes_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let before = open(folder.path(), None).await;
    store(&before, "ann", &connector()).await.unwrap();
    before.stop().await;

    let lab = open(folder.path(), Some(&[])).await;
    let changed = connector().replace("name = \"Contoso\"", "name = \"Contoso Ltd\"");
    lend(&lab, "bob", &changed, PASSWORD).await.unwrap();
    store(&lab, "bob", &changed).await.unwrap();
    lab.try_open(&changed).await.unwrap();
    let look = lend(&lab, "bob", &elsewhere(), PASSWORD).await;
    let stored = store(&lab, "bob", &elsewhere()).await;

    assert_refused(&look.unwrap_err());
    assert_refused(&stored.unwrap_err());
    lab.stop().await;
}

#[tokio::test]
async fn what_only_a_deleted_connector_names_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let before = open(folder.path(), None).await;
    store(&before, "ann", &connector()).await.unwrap();
    let delete = DeleteConnectorRequest {
        connector: "contoso".to_owned(),
        ..DeleteConnectorRequest::default()
    };
    let delete = by("ann", delete);
    let deleted = before.control.clone().delete_connector(delete).await;
    deleted.unwrap();
    before.stop().await;

    let lab = open(folder.path(), Some(&[])).await;
    let look = lend(&lab, "bob", &connector(), PASSWORD).await;
    let restored = store(&lab, "bob", &connector()).await;

    assert_refused(&look.unwrap_err());
    assert_refused(&restored.unwrap_err());
    lab.stop().await;
}
