//! Signing in to Exchange Online as an application of Entra ID, on a server that checks the tokens.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use chatkeep_mailbox_import::target::{Target, TargetError, Tenants, open_target};
use chatkeep_testkit::{Dovecot, Interposer};

use crate::support::{ANN, TIMEOUTS, connector, contents, expected, messages, plain_imap, store};

/// Gives out these tokens one after the other, the last one again and again, to whoever asks for Exchange
/// Online's and knows the secret. Remembers the forms.
struct Authority {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Authority {
    fn of(tokens: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let mut tokens: VecDeque<String> = tokens.iter().map(|token| (*token).to_owned()).collect();
        let forms = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let token = tokens.front().unwrap().clone();
                if tokens.len() > 1 {
                    tokens.pop_front();
                }
                forms.lock().unwrap().push(grant(&stream.unwrap(), &token));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request; returns its form.
fn grant(mut stream: &TcpStream, token: &str) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while !matches!(line.as_str(), "\r\n") {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut form = vec![0; length];
    reader.read_exact(&mut form).unwrap();
    let form = String::from_utf8(form).unwrap();
    let (status, body) = if form.contains("client_secret=s3cret") {
        let body = format!(
            "{{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"{token}\"}}"
        );
        ("200 OK", body)
    } else {
        let body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}";
        ("401 Unauthorized", body.to_owned())
    };
    let size = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .unwrap();
    form
}

/// The connector's target: this server, with tokens of this authority.
fn target(server: SocketAddr, authority: SocketAddr, folder: &Path) -> Arc<dyn Target> {
    let imap = plain_imap(server).replace("password = \"file:password\"", "");
    let target = format!(
        "{imap}\nauth = \"xoauth2\"\nentra = {{ tenant = \"contoso.com\", client = \"c-1\", \
         secret = \"file:secret\", authority = \"http://{authority}\" }}"
    );
    let connector = connector(&target, folder);
    open_target(&connector, TIMEOUTS, &Tenants::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_signs_in_with_one_token_as_long_as_it_lasts() {
    let dovecot = Dovecot::start().unwrap();
    let authority = Authority::of(&[&dovecot.token(ANN).unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let target = target(dovecot.address(), authority.address, folder.path());

    for _ in 0..3 {
        target.open(ANN).await.unwrap().close().await;
    }

    let asked = authority.asked();
    assert_eq!(asked.len(), 1);
    let scope = "scope=https%3A%2F%2Foutlook.office365.com%2F.default";
    assert!(asked[0].contains(scope), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn multiappend_is_not_used_in_exchange_online_though_it_is_announced() {
    let dovecot = Dovecot::start().unwrap();
    let authority = Authority::of(&[&dovecot.token(ANN).unwrap()]);
    let commands = Arc::<Mutex<usize>>::default();
    let counted = Arc::clone(&commands);
    let interposer = Interposer::start(dovecot.address(), move |_, line| {
        *counted.lock().unwrap() += usize::from(line.contains(" APPEND "));
        None
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let interposer = interposer.unwrap();
    let target = target(interposer.address(), authority.address, folder.path());
    let batch = messages(5);

    let mut mailbox = target.open(ANN).await.unwrap();
    store(&mut *mailbox, &batch).await;

    assert_eq!(*commands.lock().unwrap(), 5);
    assert_eq!(contents(&mut *mailbox, &batch).await, expected(&batch));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_server_refuses_is_not_kept() {
    let dovecot = Dovecot::start().unwrap();
    let authority = Authority::of(&["revoked", &dovecot.token(ANN).unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let target = target(dovecot.address(), authority.address, folder.path());

    let refused = target.open(ANN).await.err().unwrap();
    assert!(matches!(refused, TargetError::Login { .. }), "{refused:?}");
    target.open(ANN).await.unwrap().close().await;

    assert_eq!(authority.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_entra_id_refuses_is_said_with_what_to_do_and_an_outage_is_one() {
    let dovecot = Dovecot::start().unwrap();
    let authority = Authority::of(&["unused"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "wrong").unwrap();
    let refused = target(dovecot.address(), authority.address, folder.path());
    let nowhere = target(dovecot.address(), ([127, 0, 0, 1], 1).into(), folder.path());

    let refused = refused.open(ANN).await.err().unwrap();
    let outage = nowhere.open(ANN).await.err().unwrap();

    let TargetError::Setup { source } = refused else {
        panic!("{refused:?}");
    };
    assert!(
        source.to_string().contains("az ad app credential"),
        "{source}"
    );
    assert!(
        matches!(outage, TargetError::Unreachable { .. }),
        "{outage:?}"
    );
}
