//! Exchange Online: what it says that no server here does.

use chatkeep_mailbox_import::target::{
    Appended, OpenGate, Outcome, Refusal, TargetError, Tenants, open_target,
};

use crate::{
    bench::Bench,
    scripted::Scripted,
    support::{ANN, TIMEOUTS, connector, messages, plain_imap},
};

/// What Exchange Online says it can do, after somebody has signed in.
pub(crate) const CAPABILITIES: &str = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR \
    UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+\r\nOK";

/// Exchange Online, as far as it is needed to get to an APPEND, which it answers with this.
pub(crate) fn server(append: &'static str) -> Scripted {
    Scripted::start(move |line| match line {
        line if line.starts_with("CAPABILITY") => CAPABILITIES.to_owned(),
        line if line.starts_with("SELECT") => {
            "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\nOK".to_owned()
        }
        line if line.starts_with("APPEND") => append.to_owned(),
        _ => "OK".to_owned(),
    })
}

/// The `[target]` of a server that takes the token in `password`.
fn with_token(server: &Scripted) -> String {
    format!("{}\nauth = \"xoauth2\"", plain_imap(server.address()))
}

async fn append(answer: &'static str) -> Appended {
    let (server, folder) = (server(answer), tempfile::tempdir().unwrap());
    let connector = connector(&with_token(&server), folder.path());
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();
    let mut mailbox = target.open(ANN).await.unwrap();
    mailbox.append(&messages(1), &OpenGate).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_mailboxs_limit_is_too_large() {
    let appended = append("NO Maximum size of appendable message has been exceeded.").await;

    assert_eq!(appended.outcomes, [Outcome::Refused(Refusal::TooLarge)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_append_waits_as_long_as_exchange_asks() {
    let text = "BAD Request is throttled. Suggested Backoff Time: 299609 milliseconds";
    let throttled = append(text).await;
    let unavailable = append("NO Server Unavailable. 15").await;

    assert_eq!(throttled.outcomes, [Outcome::NotStored]);
    let Some(TargetError::Busy { after }) = throttled.stopped else {
        panic!("{:?}", throttled.stopped);
    };
    assert_eq!(after.as_millis(), 299_609);
    assert!(matches!(
        unavailable.stopped,
        Some(TargetError::Busy { .. })
    ));
}

/// Takes any token, and has no mailbox for it.
fn unconnected() -> Scripted {
    Scripted::start(|line| match line {
        line if line.starts_with("CAPABILITY") => CAPABILITIES.to_owned(),
        line if line.starts_with("AUTHENTICATE XOAUTH2") => "OK".to_owned(),
        _ => "BAD User is authenticated but not connected.".to_owned(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn authenticated_but_not_connected_is_a_reason_of_its_own() {
    let (server, folder) = (unconnected(), tempfile::tempdir().unwrap());
    let connector = connector(&with_token(&server), folder.path());
    let target = open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap();

    let refused = target.open(ANN).await.err().unwrap();

    assert!(
        matches!(refused, TargetError::NotConnected { .. }),
        "{refused:?}"
    );
    assert!(
        refused.to_string().contains("Add-MailboxPermission"),
        "{refused}"
    );
    assert!(refused.to_string().contains("Set-CASMailbox"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_for_a_mailbox_that_is_not_connected_say_so() {
    let (server, folder) = (unconnected(), tempfile::tempdir().unwrap());
    let connector = connector(&with_token(&server), folder.path());
    let bench = Bench::with(&connector.to_toml().unwrap());
    bench.items(2, &[ANN]).await;

    bench.run().await.unwrap();

    assert_eq!(
        bench.ledger.reason(1),
        "mailbox not open to the application"
    );
}
