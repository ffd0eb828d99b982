use std::net::Ipv4Addr;

use tokio::{net::UdpSocket, task::JoinSet};

use crate::LabError;

/// What a client asks, and how the answer begins: [MC-SQLR] 2.2.3 and 2.2.5.
const INSTANCE_WANTED: u8 = 4;
const RESPONSE: u8 = 5;

/// Answers on a free UDP port who asks where the instance is, and nobody who asks for another one.
pub(super) async fn start(
    instance: String,
    port: u16,
    tasks: &mut JoinSet<()>,
) -> Result<u16, LabError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let socket = socket.map_err(LabError::Setup)?;
    let browser_port = socket.local_addr().map_err(LabError::Setup)?.port();
    tasks.spawn(async move {
        let mut question = [0; 1_024];
        while let Ok((length, client)) = socket.recv_from(&mut question).await {
            if is_about(&instance, &question[..length]) {
                // UDP promises nothing either.
                drop(socket.send_to(&answer(&instance, port), client).await);
            }
        }
    });
    Ok(browser_port)
}

fn is_about(instance: &str, question: &[u8]) -> bool {
    let Some((&INSTANCE_WANTED, name)) = question.split_first() else {
        return false;
    };
    let name = name.strip_suffix(&[0]).unwrap_or(name);
    name.eq_ignore_ascii_case(instance.as_bytes())
}

fn answer(instance: &str, port: u16) -> Vec<u8> {
    let text = format!(
        "ServerName;LOCALHOST;InstanceName;{instance};IsClustered;No;Version;15.0.2000.5;tcp;{port};;"
    );
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut answer = vec![RESPONSE];
    answer.extend(length.to_le_bytes());
    answer.extend(text.as_bytes());
    answer
}
