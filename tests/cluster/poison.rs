//! What cannot be rendered or imported does not keep its neighbours, and is not lost.

use crate::{
    cluster::Cluster,
    running::Running,
    sandbox::session,
    servers::Servers,
    system::Form,
    work::{open_tasks, sessions, wait_until},
};

/// `TASK_KIND_CONVERT`.
pub(crate) const CONVERT: u32 = 5;
/// `TASK_KIND_IMPORT`.
const IMPORT: u32 = 8;
/// SHA-256 of the attachment below.
pub(crate) const HELLO: &str =
    "attachment/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A session with an attachment.
pub(crate) fn with_attachment() -> String {
    let file = "--MIME_Boundary\r\nContent-Type: application/octet-stream\r\nContent-Disposition: \
        attachment; filename=\"hello.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n\
        --MIME_Boundary--";
    session(50, &[("ann", "hello"), ("bob", "hi")]).replace("--MIME_Boundary--", file)
}

#[test]
fn a_poison_conversation_is_buried_alone_and_a_retry_imports_it_when_the_cause_is_gone() {
    let sandbox = sessions(20);
    sandbox.write("exports/poison.eml", with_attachment());
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sandbox);
    cluster.kill("conversion");
    let arguments = ["archive", "connector.toml", "--report", "report.json"];
    let archiving = Running::start(&mut cluster.command(&arguments));
    wait_until("batches wait for conversion", || {
        open_tasks(&cluster, CONVERT) > 0
    });
    let azurite = cluster.servers.azurite();
    azurite.overwrite(&cluster.name, HELLO, b"jello").unwrap();
    drop(azurite);

    cluster.start_again("conversion");

    let (code, said) = archiving.end();
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 20);
    let failed = cluster.run(&["failed", "1"]);
    assert!(failed.stdout.contains("quarantined"), "{failed:?}");
    let queue = format!("{}.conversion.dead", cluster.name);
    let dead = cluster.servers.rabbitmq().take(&queue).unwrap();
    assert!(dead.contains("x-reason"), "{dead}");
    assert!(!dead.contains("contoso"), "{dead}");
    let azurite = cluster.servers.azurite();
    azurite.overwrite(&cluster.name, HELLO, b"hello").unwrap();
    drop(azurite);
    let retried = cluster.run(&["retry", "1"]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    assert!(
        retried
            .stdout
            .contains("21 rendered + 0 duplicates + 0 excluded + 0 quarantined")
    );
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 21);
}

#[test]
fn an_item_whose_staged_bytes_are_altered_fails_alone_and_a_retry_imports_it_when_they_are_right_again()
 {
    let sandbox = sessions(20);
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sandbox);
    cluster.kill("mailbox-import");
    let archiving = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    wait_until("items wait for import", || open_tasks(&cluster, IMPORT) > 0);
    let azurite = cluster.servers.azurite();
    let blobs = azurite.blobs(&cluster.name).unwrap();
    let items = blobs.iter().find(|key| key.starts_with("items/")).unwrap();
    let right = azurite.read(&cluster.name, items).unwrap();
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    azurite.overwrite(&cluster.name, items, &wrong).unwrap();
    drop(azurite);

    cluster.start_again("mailbox-import");

    let (code, said) = archiving.end();
    assert_eq!(code, Some(2), "{said}");
    let mailboxes = ["ann@contoso.com", "bob@contoso.com"];
    let stored = || mailboxes.map(|mailbox| cluster.sandbox().mails(mailbox).len());
    assert_eq!(stored(), [19, 19]);
    let failed = cluster.run(&["failed", "1"]);
    assert!(failed.stdout.contains("staged bytes altered"), "{failed:?}");
    let azurite = cluster.servers.azurite();
    azurite.overwrite(&cluster.name, items, &right).unwrap();
    drop(azurite);
    let retried = cluster.run(&["retry", "1"]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    assert_eq!(stored(), [20, 20]);
}
