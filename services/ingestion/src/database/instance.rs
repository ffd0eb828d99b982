//! Named instances: SQL Server Browser tells their ports ([MC-SQLR] 2.2.3, 2.2.5).

use std::{io, time::Duration};

use tokio::{net::UdpSocket, time::timeout};

use super::DatabaseError;

/// Port of SQL Server Browser.
const BROWSER: u16 = 1_434;
/// How long an answer is waited for, and how often it is asked for: datagrams get lost.
const WAIT: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 3;
/// `CLNT_UCAST_INST`.
const ASK: u8 = 0x04;
/// `SVR_RESP`, before a length of two bytes.
const ANSWER: u8 = 0x05;

/// Asks the host for the port of an instance.
pub(super) async fn port_of(
    host: &str,
    instance: &str,
    browser: Option<u16>,
) -> Result<u16, DatabaseError> {
    let unknown = || DatabaseError::Instance {
        server: format!("{host}\\{instance}"),
    };
    let port = browser.unwrap_or(BROWSER);
    for _ in 0..ATTEMPTS {
        let asked = timeout(WAIT, ask(host, instance, port)).await;
        if let Ok(Ok(answer)) = asked {
            return port_in(&answer, instance).ok_or_else(unknown);
        }
    }
    Err(unknown())
}

async fn ask(host: &str, instance: &str, port: u16) -> io::Result<Vec<u8>> {
    let server = tokio::net::lookup_host((host, port)).await?.next();
    let server = server.ok_or(io::ErrorKind::NotFound)?;
    let ours = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(ours).await?;
    // Connected, so that nobody else's datagram is taken for the answer.
    socket.connect(server).await?;
    let mut question = vec![ASK];
    question.extend_from_slice(instance.as_bytes());
    question.push(0);
    socket.send(&question).await?;
    let mut answer = vec![0; 65_536];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// The TCP port in an answer, `...;InstanceName;NAME;...;tcp;PORT;...;;`.
fn port_in(answer: &[u8], instance: &str) -> Option<u16> {
    let (head, text) = answer.split_at_checked(3)?;
    if head[0] != ANSWER {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let fields: Vec<_> = text.split(';').collect();
    let value_of = |key: &str| {
        let mut pairs = fields.chunks_exact(2);
        pairs.find(|pair| pair[0].eq_ignore_ascii_case(key))
    };
    let is_it = value_of("InstanceName")?[1].eq_ignore_ascii_case(instance);
    value_of("tcp").filter(|_| is_it)?[1].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&[ANSWER][..], &length, text.as_bytes()].concat()
    }

    #[test]
    fn the_port_of_the_instance_is_the_one_behind_tcp() {
        let text =
            "ServerName;SQL01;InstanceName;RTC;IsClustered;No;Version;13.0.1601.5;tcp;52341;;";

        assert_eq!(port_in(&answer(text), "rtc"), Some(52_341));
        assert_eq!(port_in(&answer(text), "OTHER"), None);
        assert_eq!(
            port_in(&answer("ServerName;SQL01;InstanceName;RTC;;"), "RTC"),
            None
        );
        assert_eq!(port_in(&[ANSWER, 0], "RTC"), None);
        assert_eq!(port_in(&[], "RTC"), None);
    }
}
