use std::time::{Duration, Instant};

use chatkeep_testkit::tds::{Fault, Server, When};
use tiberius::error::Error;
use tokio::time::timeout;

use crate::client::{ask_numbers, config, connect, serve_numbers};

const SOON: Duration = Duration::from_millis(300);

async fn server_with(when: When, fault: Fault) -> Server {
    let server = serve_numbers(1_000).await;
    server.faults().set(when, fault);
    server
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for() {
    let server = server_with(When::Nth(1), Fault::Mute).await;

    assert!(timeout(SOON, connect(config(&server))).await.is_err());
    assert!(connect(config(&server)).await.is_ok());
}

#[tokio::test]
async fn the_nth_statement_is_the_victim_of_a_deadlock() {
    let server = server_with(When::Nth(2), Fault::deadlock()).await;
    let mut connection = connect(config(&server)).await.unwrap();

    let first = ask_numbers(&mut connection).await;
    let (rows, second) = ask_numbers(&mut connection).await;
    let third = ask_numbers(&mut connection).await;

    assert_eq!((first, third), ((1_000, None), (1_000, None)));
    assert_eq!(rows, 0);
    assert!(second.unwrap().is_deadlock());
}

#[tokio::test]
async fn an_error_of_a_high_class_ends_the_connection() {
    let fault = Fault::Error {
        number: 823,
        class: 24,
        message: "The operating system returned an error.".to_owned(),
    };
    let server = server_with(When::Nth(1), fault).await;
    let mut connection = connect(config(&server)).await.unwrap();

    let (_, first) = ask_numbers(&mut connection).await;
    let (_, second) = ask_numbers(&mut connection).await;

    assert_eq!(first.unwrap().code(), Some(823));
    assert!(matches!(second, Some(Error::Io { .. })), "{second:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_inside_a_row_never_looks_like_the_end() {
    for rows in [0, 1, 417, 999] {
        let server = server_with(When::Nth(1), Fault::Cut { rows }).await;
        let mut connection = connect(config(&server)).await.unwrap();

        let (read, error) = ask_numbers(&mut connection).await;

        assert_eq!(read as u64, rows);
        assert!(matches!(error, Some(Error::Io { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_behind_the_last_row_never_looks_like_the_end() {
    let server = server_with(When::Nth(1), Fault::Cut { rows: 2_000 }).await;
    let mut connection = connect(config(&server)).await.unwrap();

    let (read, error) = ask_numbers(&mut connection).await;

    assert_eq!(read, 1_000);
    assert!(matches!(error, Some(Error::Io { .. })), "{error:?}");
}

#[tokio::test]
async fn rows_come_slowly() {
    let server = serve_numbers(5).await;
    let pause = Fault::Pause(Duration::from_millis(40));
    server.faults().set(When::Always, pause);
    let mut connection = connect(config(&server)).await.unwrap();

    let before = Instant::now();
    let answer = ask_numbers(&mut connection).await;

    assert_eq!(answer, (5, None));
    assert!(before.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_statement_is_never_answered() {
    let server = server_with(When::Nth(1), Fault::Stall).await;
    let mut connection = connect(config(&server)).await.unwrap();

    assert!(timeout(SOON, ask_numbers(&mut connection)).await.is_err());
    assert!(connect(config(&server)).await.is_ok());
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections() {
    let server = serve_numbers(5).await;
    let mut connection = connect(config(&server)).await.unwrap();
    let config = config(&server);

    drop(server);
    tokio::task::yield_now().await;

    let (_, error) = ask_numbers(&mut connection).await;
    assert!(matches!(error, Some(Error::Io { .. })), "{error:?}");
    assert!(connect(config).await.is_err());
}
