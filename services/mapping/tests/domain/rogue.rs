//! Servers that speak no LDAP, or want harm.

use std::net::Ipv4Addr;

use futures::FutureExt as _;
use proptest::{
    collection::vec,
    prelude::any,
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use crate::ldap::Lab;

/// The answer to a sign-in, message 1: success.
const WELCOME: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
const NOT_LDAP: &str = "not LDAP as it should be";

/// Lets everybody sign in, and says always the same to whoever asks for more.
struct Rogue {
    /// Lines of `[directory]`.
    keys: String,
    _task: JoinSet<()>,
}

impl Rogue {
    /// Says this; then it waits for the other side to hang up, or hangs up itself.
    async fn saying(says: Vec<u8>, waits: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut request = [0; 4_096];
                // The other side is free to go at any time.
                for answer in [WELCOME, &says] {
                    if client.read(&mut request).await.unwrap_or(0) > 0 {
                        drop(client.write_all(answer).await);
                    }
                }
                while waits && client.read(&mut request).await.unwrap_or(0) > 0 {}
            }
        });
        Self {
            keys: format!("url='ldap://{address}'\ntimeout='2s'"),
            _task: task,
        }
    }
}

/// Sequences within sequences.
fn nested(levels: u32) -> Vec<u8> {
    let heads = (0..levels).rev().map(|inside| (inside * 6).to_be_bytes());
    heads
        .flat_map(|length| [&[0x30, 0x84], &length[..]].concat())
        .collect()
}

fn answers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "a page of the web",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        ),
        ("nested as deep as a message can be", nested(1_000_000)),
        ("4 GB announced", b"\x30\x84\xff\xff\xff\xff".to_vec()),
        ("a message without content", b"\x30\x00".to_vec()),
        ("no id", b"\x30\x02\x64\x00".to_vec()),
        ("an empty entry", b"\x30\x05\x02\x01\x02\x64\x00".to_vec()),
        (
            "a name that is no text",
            b"\x30\x0a\x02\x01\x02\x64\x05\x04\x01\xff\x30\x00".to_vec(),
        ),
        (
            "another sign-in",
            b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(),
        ),
        (
            "an end without a code",
            b"\x30\x05\x02\x01\x02\x65\x00".to_vec(),
        ),
        (
            "an odd control",
            b"\x30\x10\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x02\x30\x00".to_vec(),
        ),
    ]
}

#[tokio::test]
async fn what_is_no_ldap_is_said_in_one_line_whatever_it_is() {
    let mut lab = Lab::start();

    for (case, answer) in answers() {
        let rogue = Rogue::saying(answer, true).await;
        let says = lab.refusal(&rogue.keys).await;
        assert!(
            says.contains(NOT_LDAP) && says.lines().count() == 1,
            "{case}: {says}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let mut lab = Lab::start();
    let half = b"\x30\x0c\x02\x01\x02\x65\x07\x0a".to_vec();

    let rogue = Rogue::saying(half.clone(), false).await;
    let says = lab.refusal(&rogue.keys).await;
    assert!(says.contains("broke off"), "{says}");

    let rogue = Rogue::saying(half, true).await;
    let says = lab.refusal(&rogue.keys).await;
    assert!(says.contains("does not answer in time"), "{says}");
}

/// An element whose content is shorter than 128 bytes (X.690, 8.1).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    [&[tag, length], content].concat()
}

#[tokio::test]
async fn a_server_that_is_referred_to_gets_no_password() {
    let mut lab = Lab::start();
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("ldap://{}", other.local_addr().unwrap());
    let url = element(0x04, url.as_bytes());
    let id = element(0x02, &[2]);
    // `referral` as the result (RFC 4511, 4.1.10), and a reference beside others' entries (4.5.3).
    let says_result = |code, more: &[u8]| {
        let content = [&[0x0a, 1, code, 4, 0, 4, 0], more].concat();
        element(0x30, &[id.clone(), element(0x65, &content)].concat())
    };
    let referral = says_result(10, &element(0xa3, &url));
    let reference = element(0x30, &[id.clone(), element(0x73, &url)].concat());
    let reference = [reference, says_result(32, &[])].concat();

    for (answer, code) in [(referral, 10), (reference, 32)] {
        let rogue = Rogue::saying(answer, true).await;
        let says = lab.refusal(&rogue.keys).await;
        assert!(says.contains(&format!("LDAP result {code}")), "{says}");
    }

    assert!(other.accept().now_or_never().is_none());
}

#[tokio::test]
async fn random_bytes_keep_nobody_waiting_and_nothing_panics() {
    let mut lab = Lab::start();
    let mut runner = TestRunner::deterministic();
    let bytes = vec(any::<u8>(), 1..200);

    for _ in 0..200 {
        let bytes = bytes.new_tree(&mut runner).unwrap().current();
        let rogue = Rogue::saying(bytes.clone(), false).await;
        let says = lab.refusal(&rogue.keys).await;
        assert!(
            says.contains(NOT_LDAP) || says.contains("broke off"),
            "{bytes:?}: {says}"
        );
    }
}

#[tokio::test]
async fn a_run_whose_directory_is_no_ldap_is_told_why_and_goes_on_once_it_is() {
    let mut lab = Lab::start();
    let rogue = Rogue::saying(nested(1_000), true).await;
    rogue.keys.clone_into(&mut lab.keys);
    let file = lab.connector_file();

    let told = lab.refreshing.refresh(file).await.unwrap_err();

    assert_eq!(told, "read directory");
    lab.keys.clear();
    lab.refresh().await;
    assert_eq!(lab.place("ann@contoso.com").await, "ann@contoso.com");
}
