//! Tests of connections with a secret that control keeps: it goes to its own server, and to no other.

use std::{
    net::Ipv4Addr,
    process::Command,
    sync::{Arc, Mutex},
};

use data_encoding::BASE64;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::system::{ADMINISTRATOR, Browser, Reply, System};

const SECRET: &str = "s3cret-of-the-archive";

/// A mail server that lets nobody in, and remembers what they said.
struct MailServer {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let ears = Arc::clone(&heard);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                refuse(client, &ears).await;
            }
        });
        Self {
            port,
            heard,
            _tasks: tasks,
        }
    }

    fn heard_anything(&self) -> bool {
        !self.heard.lock().unwrap().is_empty()
    }

    /// Whether somebody has signed in with the secret.
    fn heard_the_secret(&self) -> bool {
        let heard = self.heard.lock().unwrap();
        let words = heard.iter().flat_map(|line| line.split_whitespace());
        let mut decoded = words.filter_map(|word| BASE64.decode(word.as_bytes()).ok());
        decoded.any(|text| String::from_utf8_lossy(&text).contains(SECRET))
    }
}

async fn refuse(client: TcpStream, heard: &Mutex<Vec<String>>) {
    const CAN: &str = "CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR";
    let mut client = BufReader::new(client);
    let greeting = format!("* OK [{CAN}] here\r\n");
    drop(client.write_all(greeting.as_bytes()).await);
    let mut line = String::new();
    while client.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        heard.lock().unwrap().push(line.clone());
        let tag = line.split_whitespace().next().unwrap_or("*");
        let answer = if line.contains("CAPABILITY") {
            format!("* {CAN}\r\n{tag} OK done\r\n")
        } else {
            format!("{tag} NO not today\r\n")
        };
        // The client may have gone.
        drop(client.write_all(answer.as_bytes()).await);
        line.clear();
    }
}

/// Where control finds its key, and a key.
const KEY: [(&str, &str); 2] = [
    ("CHATKEEP__CONTROL__SECRETS_KEY", "env:LEDGER_KEY"),
    ("LEDGER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
];

async fn with_key() -> System {
    let provider = chatkeep_testkit::OpenIdProvider::start().await.unwrap();
    System::start(Some(provider), &KEY)
}

/// The sample's connector file, with a mail server for its target.
fn file(system: &System, server: &MailServer) -> String {
    let file = system.connector_file();
    let (rest, _) = file.split_once("[target]").unwrap();
    format!(
        "{rest}[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nauth = \"master\"\n\
         user = \"secret:archive\"\npassword = \"secret:archive\"\n",
        server.port
    )
}

/// The same with a password that the services read themselves.
fn file_with_variable(system: &System, server: &MailServer) -> String {
    file(system, server).replace("secret:archive", "env:MAIL_PASSWORD")
}

/// Whose services have that password, with these settings.
async fn with_variable(settings: &[(&str, &str)]) -> System {
    let provider = chatkeep_testkit::OpenIdProvider::start().await.unwrap();
    let variables = [settings, &[("MAIL_PASSWORD", SECRET)]].concat();
    System::start(Some(provider), &variables)
}

async fn enter(browser: &mut Browser) {
    let value = json!({ "value": SECRET });
    let path = "/api/v1/secrets/archive";
    let put = browser.put_or_post(Method::PUT, path, &[], &value).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{}", put.text);
}

async fn test(browser: &mut Browser, file: &str) -> Reply {
    let check = json!({ "connector_file": file, "mailbox": "alice.morgan@contoso.com" });
    browser.post("/api/v1/checks/target", &check).await
}

fn detail(reply: &Reply) -> String {
    let problem: Value = reply.json();
    problem["detail"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_test_of_a_connection_signs_in_with_the_secret_that_the_file_names() {
    let (system, server) = (with_key().await, MailServer::start().await);
    let mut administrator = system.script(&ADMINISTRATOR);
    enter(&mut administrator).await;

    let tested = test(&mut administrator, &file(&system, &server)).await;

    assert!(server.heard_the_secret(), "{}", tested.text);
    assert!(!tested.text.contains(SECRET), "{}", tested.text);
    let path = "/api/v1/audit?action=secret.lend";
    let entries = administrator.get(path).await.json();
    let entry = &entries["entries"][0];
    let place = format!("imap without tls 127.0.0.1:{}", server.port);
    let entered = entry["detail"].as_str().unwrap();
    assert!(entered.contains(&place), "{entry}");
    assert_eq!(entry["object"], "archive");
    assert_eq!(entry["subject"], ADMINISTRATOR.join("+"));
}

#[tokio::test]
async fn nobody_has_another_ones_secret_sent_to_a_server_of_their_own() {
    let system = with_key().await;
    let (server, own) = (MailServer::start().await, MailServer::start().await);
    let mut first = system.script(&ADMINISTRATOR);
    enter(&mut first).await;
    let new = json!({ "connector_file": file(&system, &server) });
    let created = first.post("/api/v1/connectors", &new).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let connector = format!(
        "/api/v1/connectors/{}",
        created.json()["id"].as_str().unwrap()
    );
    // Another administrator, with the same roles.
    let roles = ["MailboxImportExport", "DataConnectorAdmin"];
    let mut second = system.script(&roles);
    let forged = file(&system, &own);

    let tested = test(&mut second, &forged).await;
    let changed = json!({ "connector_file": forged });
    let any = [("if-match", "*")];
    let changed = second
        .put_or_post(Method::PUT, &connector, &any, &changed)
        .await;
    let known = test(&mut second, &file(&system, &server)).await;

    assert_eq!(tested.status, StatusCode::CONFLICT, "{}", tested.text);
    assert_eq!(changed.status, StatusCode::UNPROCESSABLE_ENTITY);
    for refused in [&tested, &changed] {
        let said = detail(refused);
        assert!(said.starts_with("secret:archive: is for"), "{said}");
    }
    assert!(!own.heard_anything());
    // What is stored may be tried by whoever may try it.
    assert!(server.heard_the_secret(), "{}", known.text);
}

#[tokio::test]
async fn nobody_has_a_variable_of_the_services_sent_to_a_server_of_their_own() {
    let (system, own) = (with_variable(&[]).await, MailServer::start().await);
    let mut administrator = system.script(&ADMINISTRATOR);
    let forged = file_with_variable(&system, &own);

    let tested = test(&mut administrator, &forged).await;
    let new = json!({ "connector_file": forged });
    let created = administrator.post("/api/v1/connectors", &new).await;

    assert_eq!(tested.status, StatusCode::CONFLICT, "{}", tested.text);
    assert_eq!(created.status, StatusCode::UNPROCESSABLE_ENTITY);
    for refused in [&tested, &created] {
        let said = detail(refused);
        assert!(said.starts_with("env:MAIL_PASSWORD: is not in"), "{said}");
    }
    assert!(!own.heard_anything());
}

#[tokio::test]
async fn a_variable_that_is_listed_is_what_a_test_signs_in_with() {
    let listed = ("CHATKEEP__CONTROL__REFERENCES", "[\"env:MAIL_*\"]");
    let (system, server) = (with_variable(&[listed]).await, MailServer::start().await);
    let mut administrator = system.script(&ADMINISTRATOR);

    let tested = test(&mut administrator, &file_with_variable(&system, &server)).await;

    assert!(server.heard_the_secret(), "{}", tested.text);
    assert!(!tested.text.contains(SECRET), "{}", tested.text);
}

#[tokio::test]
async fn the_command_line_looks_with_the_secrets_of_its_ledger() {
    let (system, server) = (with_key().await, MailServer::start().await);
    let mut administrator = system.script(&ADMINISTRATOR);
    enter(&mut administrator).await;
    let file = file(&system, &server);
    let folder = system.stop();
    std::fs::write(folder.path().join("connector.toml"), file).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
    check
        .current_dir(folder.path())
        .args(["check", "connector.toml"])
        .envs(KEY);

    let checked = tokio::task::spawn_blocking(move || check.output()).await;

    let checked = checked.unwrap().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(server.heard_the_secret(), "{said}{checked:?}");
    assert!(!said.contains(SECRET), "{said}");
}
