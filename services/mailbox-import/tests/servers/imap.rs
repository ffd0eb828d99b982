//! Ways in, names of folders, and what servers refuse.

use std::{net::SocketAddr, time::Duration};

use chatkeep_mailbox_import::{
    Expected, Flaw, Settings, check, max_part_bytes,
    target::{OpenGate, Outcome, TargetError, Tenants, open_target},
    verify,
};
use chatkeep_testkit::{Cyrus, Dovecot, DovecotOptions, folders, read_folder};
use sha2::{Digest as _, Sha256};

use crate::{
    scripted::Scripted,
    support::{ANN, Lab, TIMEOUTS, connector, messages, plain_imap, store},
};

fn imap(server: SocketAddr, more: &str) -> String {
    let target = plain_imap(server).replace("tls = \"none\"\n", "");
    let target = target.replace(&server.ip().to_string(), "localhost");
    format!("{target}\n{more}")
}

async fn open(target: &str, folder: &std::path::Path) -> Result<(), TargetError> {
    let connector = connector(target, folder);
    let target = open_target(&connector, TIMEOUTS, &Tenants::default())?;
    target.open(ANN).await?.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_and_the_server_is_who_it_says() {
    let dovecot = Dovecot::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let good = format!("ca = {:?}", dovecot.ca());
    let wrong = format!("ca = {:?}", dovecot.other_ca());
    let implicit = |ca: &str| imap(dovecot.tls_address(), ca);
    let starttls = |ca: &str| imap(dovecot.address(), &format!("tls = \"starttls\"\n{ca}"));

    open(&implicit(&good), folder.path()).await.unwrap();
    open(&starttls(&good), folder.path()).await.unwrap();

    for target in [implicit(&wrong), starttls(&wrong), implicit("")] {
        let refused = open(&target, folder.path()).await.unwrap_err();
        assert!(
            matches!(refused, TargetError::Unreachable { .. }),
            "{refused:?}"
        );
    }
    let missing = open(&implicit("ca = \"nowhere.pem\""), folder.path()).await;
    assert!(matches!(missing, Err(TargetError::Setup { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_user_signs_in_to_every_mailbox() {
    let dovecot = Dovecot::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let more = "tls = \"none\"\nauth = \"master\"\nuser = \"file:user\"";
    let connector = connector(&imap(dovecot.address(), more), folder.path());
    std::fs::write(folder.path().join("user"), Dovecot::MASTER).unwrap();
    std::fs::write(folder.path().join("password"), Dovecot::MASTER_PASSWORD).unwrap();
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();

    store(&mut *target.open(ANN).await.unwrap(), &messages(1)).await;

    let name = "INBOX/Skype for Business";
    let read = read_folder(dovecot.address(), (ANN, Dovecot::PASSWORD), name).unwrap();
    assert_eq!(read.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_signs_in_to_its_mailbox_only() {
    let dovecot = Dovecot::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = imap(dovecot.address(), "tls = \"none\"\nauth = \"xoauth2\"");
    let connector = connector(&target, folder.path());
    let write = |token: &str| std::fs::write(folder.path().join("password"), token).unwrap();
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();

    write(&dovecot.token(ANN).unwrap());
    target.open(ANN).await.unwrap().close().await;
    write("expired");
    let refused = target.open(ANN).await.err().unwrap();

    assert!(matches!(refused, TargetError::Login { .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_sasl_is_signed_in_to_by_login() {
    let server = Scripted::start(|line| match line {
        line if line.contains("LOGIN \"ann@contoso.com\" \"secret\"") => "OK in".to_owned(),
        line if line.contains("CAPABILITY") => "* CAPABILITY IMAP4rev1\r\nOK".to_owned(),
        line if line.contains("SELECT") => {
            "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\nOK".to_owned()
        }
        _ => "OK".to_owned(),
    });
    let folder = tempfile::tempdir().unwrap();

    open(&plain_imap(server.address()), folder.path())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_stands_under_the_servers_prefix_and_delimiter_and_is_subscribed() {
    let dovecot = Dovecot::start_with(&DovecotOptions {
        namespace: Some(("INBOX.", '.')),
        ..DovecotOptions::default()
    });
    let lab = Lab::dovecot(dovecot.unwrap());
    store(&mut *lab.open(ANN).await, &messages(1)).await;

    let server = lab.dovecot.as_ref().unwrap().address();
    let subscribed = folders(server, (ANN, Dovecot::PASSWORD), true).unwrap();

    assert!(
        subscribed.contains(&"INBOX.Skype for Business".to_owned()),
        "{subscribed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_beyond_ascii_arrive_in_every_server() {
    let dovecot = Dovecot::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let more = "tls = \"none\"\nfolder = \"Archiv/Gespräche & mehr\"";
    open(&imap(dovecot.address(), more), folder.path())
        .await
        .unwrap();

    let listed = folders(dovecot.address(), (ANN, Dovecot::PASSWORD), false).unwrap();

    let name = "Archiv/Gespr&AOQ-che &- mehr";
    assert!(listed.iter().any(|folder| folder == name), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_maildirs_can_be_served_by_an_imap_server() {
    let dovecot = Dovecot::start_with(&DovecotOptions {
        namespace: Some(("INBOX/", '/')),
        ..DovecotOptions::default()
    });
    let dovecot = dovecot.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tree = dovecot.mail("");
    let connector = connector(
        &format!("type = \"maildir\"\npath = {tree:?}"),
        folder.path(),
    );
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();
    let batch = messages(5);
    store(&mut *target.open("Ann@Contoso.com").await.unwrap(), &batch).await;
    dovecot.adopt_mail().unwrap();

    let name = "INBOX/Skype for Business";
    let read = read_folder(dovecot.address(), (ANN, Dovecot::PASSWORD), name).unwrap();

    let mut read: Vec<_> = read
        .into_iter()
        .map(|message| (message.bytes, message.flags))
        .collect();
    read.sort();
    let seen = || vec!["\\SEEN".to_owned()];
    let mut sent: Vec<_> = batch
        .iter()
        .map(|one| (one.bytes.to_vec(), seen()))
        .collect();
    sent.sort();
    assert!(read == sent, "{} messages read", read.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttling_server_is_left_alone_as_long_as_it_asks() {
    let server = Scripted::start(|line| match line {
        line if line.contains("CAPABILITY") => {
            "* CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS AUTH=PLAIN SASL-IR\r\nOK".to_owned()
        }
        line if line.contains("SELECT") => {
            "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\nOK".to_owned()
        }
        line if line.contains("APPEND") => {
            "NO Request is throttled. Suggested Backoff Time: 299609 milliseconds".to_owned()
        }
        _ => "OK".to_owned(),
    });
    let folder = tempfile::tempdir().unwrap();
    let connector = connector(&plain_imap(server.address()), folder.path());
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();
    let mut mailbox = target.open(ANN).await.unwrap();

    let appended = mailbox.append(&messages(2), &OpenGate).await;

    assert_eq!(appended.outcomes, [Outcome::NotStored; 2]);
    let Some(TargetError::Busy { after }) = appended.stopped else {
        panic!("{:?}", appended.stopped)
    };
    assert_eq!(after, Duration::from_millis(299_609));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_it_found_and_changes_nothing() {
    let lab = Lab::dovecot(Dovecot::start().unwrap());
    let settings = Settings::default();

    let findings = check(&lab.connector, &settings, Some(ANN)).await.unwrap();

    let texts: Vec<_> = findings
        .iter()
        .map(|finding| finding.text.as_str())
        .collect();
    assert!(findings.iter().all(|finding| !finding.is_problem));
    assert!(
        texts.contains(&"the folder INBOX/Skype for Business will be created"),
        "{texts:?}"
    );
    let server = lab.dovecot.as_ref().unwrap().address();
    let listed = folders(server, (ANN, Dovecot::PASSWORD), false).unwrap();
    assert_eq!(listed, ["INBOX"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_limit_bounds_the_parts() {
    let dovecot = Dovecot::start_with(&DovecotOptions {
        capabilities: Some("IMAP4rev1 AUTH=PLAIN SASL-IR APPENDLIMIT=70000"),
        ..DovecotOptions::default()
    });
    let lab = Lab::dovecot(dovecot.unwrap());
    let settings = Settings::default();

    let limit = max_part_bytes(&lab.connector, &settings, Some(ANN))
        .await
        .unwrap();

    assert_eq!(limit, 70_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_finds_missing_altered_and_extra_messages() {
    for (name, lab) in Lab::all() {
        let batch = messages(4);
        let mut mailbox = lab.open(ANN).await;
        store(&mut *mailbox, &batch[..3]).await;
        let doubled = name != "maildir";
        if doubled {
            store(&mut *mailbox, &batch[..1]).await;
        }
        mailbox.close().await;
        let wanted = |index: usize, bytes: &[u8]| Expected {
            mailbox: ANN.to_owned(),
            message_id: batch[index].id.clone(),
            sha256: Sha256::digest(bytes).into(),
        };
        let all = vec![
            wanted(0, &batch[0].bytes),
            wanted(1, &batch[1].bytes),
            wanted(2, b"something else"),
            wanted(3, &batch[3].bytes),
        ];

        let mut flaws = Vec::new();
        let settings = Settings::default();
        let compared = verify(&lab.connector, &settings, all.clone(), |flaw| {
            flaws.push(flaw);
        })
        .await;

        let mut awaited = vec![Flaw::Altered(all[2].clone()), Flaw::Missing(all[3].clone())];
        if doubled {
            awaited.insert(0, Flaw::Copies(all[0].clone(), 1));
        }
        assert_eq!(compared.unwrap(), 3, "{name}");
        assert_eq!(flaws, awaited, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_acts_as_every_mailbox() {
    let lab = Lab::cyrus();
    store(&mut *lab.open(ANN).await, &messages(2)).await;

    let server = lab.cyrus.as_ref().unwrap().address();
    let name = "INBOX/Skype for Business";
    let read = read_folder(server, (ANN, Cyrus::PASSWORD), name).unwrap();

    assert_eq!(read.len(), 2);
    assert_eq!(read[0].flags, ["\\SEEN"]);
    assert_eq!(read[0].internal_date.trim(), "4-Mar-2019 11:00:00 +0000");
}
