//! Ways to a server of one's own that a secret must not go: tried by bob, who may store connectors and does not
//! know what ann has entered.

use std::path::Path;

use chatkeep_proto::v1::{
    DeleteConnectorRequest, DeliverHeldRequest, OpenRunRequest, PauseConnectorRequest,
    PutSecretRequest, ResumeConnectorRequest,
};
use tonic::{Code, Status};

use crate::{
    audit::by,
    lab::{CONNECTOR, Lab},
    lending::{bound, elsewhere, lend, store},
    secrets::{connector, open, read},
};

async fn enter(lab: &Lab, who: &str, value: &str) {
    let request = PutSecretRequest {
        name: "imap".to_owned(),
        value: value.to_owned(),
    };
    let mut access = lab.access.clone();
    access.put_secret(by(who, request)).await.unwrap();
}

async fn delete(lab: &Lab, connector: &str) {
    let request = DeleteConnectorRequest {
        connector: connector.to_owned(),
        ..DeleteConnectorRequest::default()
    };
    let mut control = lab.control.clone();
    control.delete_connector(by("bob", request)).await.unwrap();
}

/// The connector under another name.
fn copy(file: &str) -> String {
    let file = file.replace("Contoso", "Fabrikam");
    file.replace("id = \"contoso\"", "id = \"fabrikam\"")
}

/// Opens a run of a file, and delivers what it holds.
async fn run(lab: &Lab, file: &str) -> [Result<(), Status>; 2] {
    let open = OpenRunRequest {
        connector_file: file.to_owned(),
        max_part_bytes: 1_000_000,
        ..OpenRunRequest::default()
    };
    let deliver = DeliverHeldRequest {
        connector_file: file.to_owned(),
        max_part_bytes: 1_000_000,
    };
    let mut control = lab.control.clone();
    let opened = control.open_run(by("bob", open)).await;
    let delivered = control.deliver_held(by("bob", deliver)).await;
    [opened.map(drop), delivered.map(drop)]
}

fn is_refused(result: Result<(), Status>, what: &str) {
    let Err(refused) = result else {
        panic!("it is not refused: {what}");
    };
    assert_eq!(refused.code(), Code::InvalidArgument, "{what}: {refused}");
    assert!(
        refused.message().starts_with("secret:imap"),
        "{what}: {refused}"
    );
}

/// A look, the connector as it is stored, a copy of it under another name, and runs of it.
async fn refuses(lab: &Lab, file: &str) {
    is_refused(lend(lab, "bob", file, "imap").await.map(drop), file);
    is_refused(store(lab, "bob", file).await, file);
    is_refused(store(lab, "bob", &copy(file)).await, "a copy");
    for refused in run(lab, file).await {
        is_refused(refused, file);
    }
}

#[tokio::test]
async fn a_secret_goes_no_other_way_whatever_part_of_a_file_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;
    let with = |line: &str| connector().replace("host = \"mail\"", line);
    let sources = "type = \"archiving-database\"\nserver = \"evil.example\"\n\
        auth = { type = \"sql\", user = \"env:USER\", password = \"secret:imap\" }";
    let directory = "type = \"ldap\"\nurl = \"ldaps://evil.example\"\nbase = \"DC=x\"\n\
        user = \"env:USER\"\npassword = \"secret:imap\"\n\n[target]";
    let graph = "type = \"graph\"\nendpoint = \"https://evil.example\"\n\
        auth = { tenant = \"t\", client = \"c\", secret = \"secret:imap\" }";
    let exchange = "type = \"ews\"\nurl = \"https://evil.example/EWS/Exchange.asmx\"\n\
        user = \"env:USER\"\npassword = \"secret:imap\"";
    let (upper, _) = CONNECTOR.split_once("[directory]").unwrap();
    let (before_target, target) = CONNECTOR.split_once("[target]").unwrap();
    let (_, rest) = target.split_once("path = \"/mailboxes\"").unwrap();

    for file in [
        with("host = \"mail.evil.example\""),
        with("host = \"mail\"\nport = 1993"),
        with("host = \"mail\"\ntls = \"starttls\""),
        with("host = \"127.0.0.1\"\ntls = \"none\""),
        CONNECTOR.replace("type = \"archiving-export\"\npath = \"/exports\"", sources),
        format!("{upper}[directory]\n{directory}{target}"),
        format!("{before_target}[target]\n{graph}{rest}"),
        format!("{before_target}[target]\n{exchange}{rest}"),
    ] {
        refuses(&lab, &file).await;
    }

    assert_eq!(
        lend(&lab, "bob", &connector(), "imap").await.unwrap(),
        "s3cret"
    );
    lab.stop().await;
}

/// Bob has overwritten ann's secret, and done with his own what he may do with it.
async fn overwritten(folder: &Path) -> Lab {
    let lab = bound(folder).await;
    enter(&lab, "bob", "of-bob").await;
    lend(&lab, "bob", &elsewhere(), "imap").await.unwrap();
    lab
}

#[tokio::test]
async fn who_overwrites_a_secret_opens_no_way_for_the_one_that_is_entered_next() {
    let folder = tempfile::tempdir().unwrap();
    let lab = overwritten(folder.path()).await;
    // There and back: nobody sees it any more.
    store(&lab, "bob", &elsewhere()).await.unwrap();
    store(&lab, "bob", &connector()).await.unwrap();

    enter(&lab, "ann", "an0ther").await;

    refuses(&lab, &elsewhere()).await;
    let lent = lend(&lab, "bob", &connector(), "imap").await;
    assert_eq!(lent.unwrap(), "an0ther");
    lab.stop().await;
}

#[tokio::test]
async fn a_run_that_was_opened_while_a_secret_went_elsewhere_waits_for_one_that_goes_there() {
    let folder = tempfile::tempdir().unwrap();
    let lab = overwritten(folder.path()).await;
    let [opened, _] = run(&lab, &elsewhere()).await;
    opened.unwrap();
    let task = lab.next("mapping").await;
    let before = read(&lab, &task, "imap").await.unwrap();
    store(&lab, "bob", &connector()).await.unwrap();

    enter(&lab, "ann", "an0ther").await;

    let after = read(&lab, &task, "imap").await.unwrap_err();
    assert_eq!(before, "of-bob");
    assert_eq!(after.code(), Code::NotFound);
    lab.stop().await;
}

/// The connector of a mail server that has moved.
fn moved() -> String {
    connector().replace("host = \"mail\"", "host = \"mail2.contoso.com\"")
}

#[tokio::test]
async fn a_run_whose_server_has_moved_goes_on_with_the_new_one_once_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let lab = bound(folder.path()).await;
    let [opened, _] = run(&lab, &connector()).await;
    opened.unwrap();
    let task = lab.next("mapping").await;
    store(&lab, "ann", &moved()).await.unwrap();
    enter(&lab, "carol", "an0ther").await;
    let waits = read(&lab, &task, "imap").await.unwrap_err();

    let mut control = lab.control.clone();
    let pause = PauseConnectorRequest {
        connector: "contoso".to_owned(),
    };
    control.pause_connector(by("ann", pause)).await.unwrap();
    let resume = ResumeConnectorRequest {
        connector: "contoso".to_owned(),
    };
    control.resume_connector(by("ann", resume)).await.unwrap();

    assert_eq!(waits.code(), Code::NotFound);
    assert_eq!(read(&lab, &task, "imap").await.unwrap(), "an0ther");
    lab.stop().await;
}

#[tokio::test]
async fn a_connector_that_was_deleted_brings_no_secret_that_was_entered_since_to_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let lab = overwritten(folder.path()).await;
    let evil = copy(&elsewhere());
    store(&lab, "bob", &evil).await.unwrap();
    delete(&lab, "fabrikam").await;

    enter(&lab, "ann", "an0ther").await;

    is_refused(lend(&lab, "bob", &evil, "imap").await.map(drop), "look");
    is_refused(store(&lab, "bob", &evil).await, "restore");
    store(&lab, "bob", &copy(&connector())).await.unwrap();
    refuses(&lab, &elsewhere()).await;
    lab.stop().await;
}

#[tokio::test]
async fn deleting_the_connector_that_waited_for_a_secret_does_not_free_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = open(folder.path(), 1, &[]).await;
    store(&lab, "ann", &connector()).await.unwrap();
    enter(&lab, "ann", "s3cret").await;

    delete(&lab, "contoso").await;

    is_refused(
        lend(&lab, "bob", &elsewhere(), "imap").await.map(drop),
        "look",
    );
    is_refused(store(&lab, "bob", &elsewhere()).await, "restore");
    lab.stop().await;
}
