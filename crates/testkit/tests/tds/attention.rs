//! What a client cancels: once by the library, else by one that speaks the protocol by hand.

use std::time::Duration;

use chatkeep_testkit::tds::{Fault, Options, Server, When};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::client::{ask_numbers, config, connect, numbers, serve};

const SQL_BATCH: u8 = 1;
const ATTENTION: u8 = 6;
const LOGIN7: u8 = 16;
const PRELOGIN: u8 = 18;

/// DONE, and the bit of its status that confirms an attention.
const DONE: u8 = 0xfd;
const CANCELLED: u8 = 0x20;
const DONE_LENGTH: usize = 13;

struct ByHand(TcpStream);

impl ByHand {
    async fn sign_in(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        let mut client = Self(stream);
        // No encryption.
        client.send(PRELOGIN, &[1, 0, 6, 0, 1, 0xff, 2]).await;
        client.message().await;
        client.send(LOGIN7, &login()).await;
        let answer = client.message().await;
        assert_eq!(answer[answer.len() - DONE_LENGTH], DONE);
        client
    }

    async fn send(&mut self, kind: u8, data: &[u8]) {
        let length = u16::try_from(8 + data.len()).unwrap().to_be_bytes();
        let mut packet = vec![kind, 1, length[0], length[1], 0, 0, 1, 0];
        packet.extend(data);
        self.0.write_all(&packet).await.unwrap();
    }

    async fn batch(&mut self, statement: &str) {
        let mut data = vec![22, 0, 0, 0, 18, 0, 0, 0, 2, 0];
        data.extend([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        data.extend(statement.encode_utf16().flat_map(u16::to_le_bytes));
        self.send(SQL_BATCH, &data).await;
    }

    /// One packet: whether it is the last of its message, and what is in it.
    async fn packet(&mut self) -> (bool, Vec<u8>) {
        let mut header = [0; 8];
        self.0.read_exact(&mut header).await.unwrap();
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut data = vec![0; length - 8];
        self.0.read_exact(&mut data).await.unwrap();
        (header[1] & 1 == 1, data)
    }

    async fn message(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        loop {
            let (is_last, data) = self.packet().await;
            message.extend(data);
            if is_last {
                return message;
            }
        }
    }
}

/// LOGIN7 of the user that the server knows.
fn login() -> Vec<u8> {
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let hide = |byte: u8| byte.rotate_left(4) ^ 0xa5;
    let password = utf16("secret").into_iter().map(hide).collect();
    let fields = [
        (40, utf16("chatkeep")),
        (44, password),
        (68, utf16("LcsLog")),
    ];
    let mut message = vec![0; 94];
    message[8..12].copy_from_slice(&4_096_u32.to_le_bytes());
    for (at, field) in fields {
        let start = u16::try_from(message.len()).unwrap().to_le_bytes();
        let units = u16::try_from(field.len() / 2).unwrap().to_le_bytes();
        message[at..at + 2].copy_from_slice(&start);
        message[at + 2..at + 4].copy_from_slice(&units);
        message.extend(field);
    }
    message
}

fn status(message: &[u8]) -> u8 {
    let done = &message[message.len() - DONE_LENGTH..];
    assert_eq!(done[0], DONE);
    done[1]
}

#[tokio::test]
async fn a_client_cancels_a_statement_and_goes_on() {
    let server = serve(Options::default(), |_| numbers(10)).await;
    server.faults().set(When::Nth(1), Fault::Stall);
    let mut connection = connect(config(&server)).await.unwrap();
    let waited = timeout(Duration::from_millis(200), ask_numbers(&mut connection)).await;
    assert!(waited.is_err());

    connection.cancel_query().await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (10, None));
}

#[tokio::test]
async fn an_attention_ends_the_rows() {
    let server = serve(Options::default(), |_| numbers(i32::MAX)).await;
    let mut client = ByHand::sign_in(&server).await;
    client.batch("SELECT n").await;
    client.packet().await;

    client.send(ATTENTION, &[]).await;
    let rest = client.message().await;

    assert_eq!(status(&rest), CANCELLED);
    // The connection is as good as before.
    client.batch("SELECT n").await;
    client.packet().await;
    client.send(ATTENTION, &[]).await;
    assert_eq!(status(&client.message().await), CANCELLED);
}

#[tokio::test]
async fn an_attention_ends_a_pause_and_a_stall() {
    let pause = Fault::Pause(Duration::from_hours(1));
    for fault in [pause, Fault::Stall] {
        let server = serve(Options::default(), |_| numbers(10)).await;
        server.faults().set(When::Nth(1), fault);
        let mut client = ByHand::sign_in(&server).await;
        client.batch("SELECT n").await;

        client.send(ATTENTION, &[]).await;

        assert_eq!(status(&client.message().await), CANCELLED);
    }
}

#[tokio::test]
async fn an_attention_that_comes_too_late_is_confirmed() {
    let server = serve(Options::default(), |_| numbers(10)).await;
    let mut client = ByHand::sign_in(&server).await;
    client.batch("SELECT n").await;
    assert_ne!(status(&client.message().await), CANCELLED);

    client.send(ATTENTION, &[]).await;

    assert_eq!(client.message().await.len(), DONE_LENGTH);
}

#[tokio::test]
async fn an_attention_can_be_ignored() {
    let server = serve(Options::default(), |_| numbers(10)).await;
    server.faults().set(When::Always, Fault::Stall);
    server.faults().set(When::Nth(1), Fault::IgnoreAttention);
    let mut client = ByHand::sign_in(&server).await;
    client.batch("SELECT n").await;

    client.send(ATTENTION, &[]).await;
    let answered = timeout(Duration::from_millis(200), client.packet()).await;
    assert!(answered.is_err());

    client.send(ATTENTION, &[]).await;
    assert_eq!(status(&client.message().await), CANCELLED);
}
