use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use serde_json::json;
use tonic::Code;

use super::*;
use crate::server::{Server, client::Client, credential::Credential};

/// A server that gives these answers, one a connection; then the requests that it got.
fn server(
    answers: &'static [&'static str],
) -> (Client, tempfile::TempDir, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "t0ken\n").unwrap();
    let server = Server {
        url: format!("http://{}", listener.local_addr().unwrap()),
        credential: Credential::new(Some(token)),
        ca: None,
        plaintext: false,
    };
    let client = Client::new(&server, Duration::from_mins(1)).unwrap();
    let answering = thread::spawn(move || {
        let serve = |answer: &&str| {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).unwrap();
            let head = format!("HTTP/1.1 {answer}\r\nconnection: close\r\n");
            let body = "content-length: 2\r\n\r\n{}";
            socket.write_all((head + body).as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        };
        answers.iter().map(serve).collect()
    });
    (client, folder, answering)
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| *found == name)
        .map(|it| it.1)
}

#[tokio::test]
async fn what_a_server_puts_off_is_asked_again_under_the_same_key() {
    let (client, _folder, served) = server(&[
        "503 Service Unavailable\r\nretry-after: 0",
        "429 Too Many Requests\r\nretry-after: 0",
        "202 Accepted",
    ]);

    let call = client.call(Method::POST, &["connectors", "a", "runs"]);
    let answer: Value = call.once().json(&json!({})).read().await.unwrap();

    assert_eq!(answer, json!({}));
    let requests = served.join().unwrap();
    let keys: Vec<_> = requests
        .iter()
        .map(|it| header(it, "idempotency-key"))
        .collect();
    assert!(keys[0].is_some_and(|key| key.len() == 32), "{requests:?}");
    assert!(keys.iter().all(|key| *key == keys[0]), "{requests:?}");
    let token = header(&requests[2], "authorization");
    assert_eq!(token, Some("Bearer t0ken"));
}

#[tokio::test]
async fn a_change_that_a_server_may_have_made_is_not_sent_again() {
    let (client, _folder, served) = server(&["503 Service Unavailable\r\nretry-after: 0"]);

    let call = client.call(Method::POST, &["connectors", "a", "pause"]);
    let status = call.done().await.unwrap_err();

    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(served.join().unwrap().len(), 1);
}
