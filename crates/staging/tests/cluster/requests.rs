//! What is sent, and when. A few lines stand in for the service: Azurite neither tells what it was sent nor
//! ever asks to wait.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use chatkeep_pipeline::{ResultExt as _, Verdict};
use chatkeep_staging::{AzureSettings, BlobKind, Staging};
use chatkeep_testkit::Azurite;

use crate::world::{Secrets, connect};

const MISSING: &str = "404 Not Found\r\nx-ms-error-code: BlobNotFound";
const CREATED: &str = "201 Created";
const BUSY: &str = "503 Busy\r\nx-ms-error-code: ServerBusy";
const BUSY_FOR_THREE: &str = "503 Busy\r\nx-ms-error-code: ServerBusy\r\nRetry-After: 3";
const BUSY_FOR_A_SECOND: &str = "503 Busy\r\nx-ms-error-code: ServerBusy\r\nRetry-After: 1";

/// Gives these answers one after the other, the last again and again, and notes what it was asked.
struct Service {
    answers: Mutex<VecDeque<&'static str>>,
    requests: Mutex<Vec<Request>>,
}

#[derive(Clone)]
struct Request {
    head: String,
    came: Instant,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(found, value)| (found == name).then_some(value))
    }
}

impl Service {
    fn start(answers: &[&'static str]) -> (String, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/chatkeep/archive", listener.local_addr().unwrap());
        let service = Arc::new(Self {
            answers: Mutex::new(answers.iter().copied().collect()),
            requests: Mutex::default(),
        });
        let serving = Arc::clone(&service);
        // Ends with the process: nobody waits for it.
        thread::spawn(move || {
            for client in listener.incoming() {
                serving.answer(&client.unwrap());
            }
        });
        (url, service)
    }

    fn answer(&self, mut client: &TcpStream) {
        let mut reader = BufReader::new(client);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        let request = Request {
            head,
            came: Instant::now(),
        };
        let size = request.header("content-length").unwrap_or("0");
        reader
            .read_exact(&mut vec![0; size.parse().unwrap()])
            .unwrap();
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(request);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match answers.len() {
            1 => answers[0],
            _ => answers.pop_front().unwrap(),
        };
        let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn staging(url: &str, timeout: Duration) -> Staging {
    let secrets = Secrets::new();
    let settings = AzureSettings {
        timeout,
        ..secrets.settings(url, &Azurite::sas())
    };
    connect(&settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_travel_with_their_md5_and_overwrite_nothing() {
    let (url, service) = Service::start(&[MISSING, CREATED, MISSING, CREATED]);
    let staging = staging(&url, Duration::from_mins(1)).await;

    staging.put(BlobKind::Batch, "hello").await.unwrap();
    staging
        .put(BlobKind::Batch, vec![7; 5 << 20])
        .await
        .unwrap();

    let requests = service.requests();
    let [_, small, _, block, other, list] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    // The MD5 of "hello", in Base64.
    let md5 = Some("XUFAKrxLKna5cZ2REBfFkg==");
    assert_eq!(small.header("x-ms-blob-content-md5"), md5);
    assert_eq!(small.header("if-none-match"), Some("*"));
    for block in [block, other] {
        assert_eq!(block.header("content-md5").unwrap().len(), 24);
    }
    assert!(list.head.contains("comp=blocklist"), "{}", list.head);
    assert_eq!(list.header("if-none-match"), Some("*"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_before_the_time_the_service_named() {
    let (url, service) = Service::start(&[MISSING, BUSY_FOR_A_SECOND, CREATED]);
    let staging = staging(&url, Duration::from_mins(1)).await;

    staging.put(BlobKind::Batch, "one").await.unwrap();
    staging.put(BlobKind::Batch, "other").await.unwrap();

    let asked = service.requests();
    assert_eq!(asked.len(), 4);
    assert!(asked[2].came - asked[1].came >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_gave_up_leaves_the_wait_to_the_next() {
    let (url, service) = Service::start(&[MISSING, BUSY_FOR_THREE, CREATED]);
    let staging = staging(&url, Duration::from_secs(2)).await;

    let gave_up = staging.put(BlobKind::Batch, "hello").await;
    while staging.put(BlobKind::Batch, "hello").await.is_err() {}

    let error = gave_up.or_retry("put").unwrap_err();
    assert_eq!(error.verdict, Verdict::Wait);
    let asked = service.requests();
    assert_eq!(asked.len(), 3);
    assert!(asked[2].came - asked[1].came >= Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stays_busy_is_waited_for() {
    let (url, service) = Service::start(&[MISSING, BUSY]);
    let staging = staging(&url, Duration::from_secs(2)).await;

    let put = staging.put(BlobKind::Batch, "hello").await;

    let error = put.or_retry("put").unwrap_err();
    assert_eq!(error.verdict, Verdict::Wait);
    assert!(service.requests().len() > 2);
    let cause = std::error::Error::source(&error).and_then(std::error::Error::source);
    let expected = format!("{url} is busy (503 ServerBusy)");
    assert_eq!(cause.unwrap().to_string(), expected);
}
