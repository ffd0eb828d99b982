//! A service that asks to wait. Azurite never does, so a few lines stand in for it.

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
const BUSY_FOR_A_SECOND: &str = "503 Busy\r\nx-ms-error-code: ServerBusy\r\nRetry-After: 1";

/// Gives these answers one after the other, the last again and again, and notes when it was asked.
struct Service {
    answers: Mutex<VecDeque<&'static str>>,
    asked: Mutex<Vec<Instant>>,
}

impl Service {
    fn start(answers: &[&'static str]) -> (String, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/chatkeep/archive", listener.local_addr().unwrap());
        let service = Arc::new(Self {
            answers: Mutex::new(answers.iter().copied().collect()),
            asked: Mutex::default(),
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
        let mut size = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(length) = line.to_lowercase().strip_prefix("content-length:") {
                size = length.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; size]).unwrap();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(Instant::now());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match answers.len() {
            1 => answers[0],
            _ => answers.pop_front().unwrap(),
        };
        let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
    }

    fn asked(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().clone()
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
async fn nobody_asks_before_the_time_the_service_named() {
    let (url, service) = Service::start(&[MISSING, BUSY_FOR_A_SECOND, CREATED]);
    let staging = staging(&url, Duration::from_mins(1)).await;

    staging.put(BlobKind::Batch, "one").await.unwrap();
    staging.put(BlobKind::Batch, "other").await.unwrap();

    let asked = service.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked[2] - asked[1] >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_gave_up_leaves_the_wait_to_the_next() {
    let (url, service) = Service::start(&[MISSING, BUSY_FOR_A_SECOND, CREATED]);
    let staging = staging(&url, Duration::from_millis(700)).await;

    let gave_up = staging.put(BlobKind::Batch, "hello").await;
    while staging.put(BlobKind::Batch, "hello").await.is_err() {}

    let error = gave_up.or_retry("put").unwrap_err();
    assert_eq!(error.verdict, Verdict::Wait);
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[2] - asked[1] >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stays_busy_is_waited_for() {
    let (url, service) = Service::start(&[MISSING, BUSY]);
    let staging = staging(&url, Duration::from_secs(2)).await;

    let put = staging.put(BlobKind::Batch, "hello").await;

    let error = put.or_retry("put").unwrap_err();
    assert_eq!(error.verdict, Verdict::Wait);
    assert!(service.asked().len() > 2);
    let cause = std::error::Error::source(&error).and_then(std::error::Error::source);
    let expected = format!("{url} is busy (503 ServerBusy)");
    assert_eq!(cause.unwrap().to_string(), expected);
}
