use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{acceptor::Acceptor, lab::LabError};

/// Stands between clients and an IMAP server without TLS: hears every line that clients send, and answers
/// some of them itself.
#[derive(Debug)]
pub struct Interposer(Acceptor);

impl Interposer {
    /// `answer` gets the user who is signed in with AUTHENTICATE PLAIN, empty before, and each line,
    /// those of messages too. What it returns, the client gets instead of the server's answer, behind the
    /// command's tag. While it takes its time, that connection waits.
    pub fn start(
        server: SocketAddr,
        answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, LabError> {
        let acceptor = Acceptor::start(move |client| pass_on(client, server, &answer))?;
        Ok(Self(acceptor))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

fn pass_on(client: &TcpStream, server: SocketAddr, answer: &dyn Fn(&str, &str) -> Option<String>) {
    if let Ok(server) = TcpStream::connect(server) {
        drop(server.set_nodelay(true));
        drop(client.set_nodelay(true));
        thread::scope(|scope| {
            scope.spawn(|| {
                drop(io::copy(&mut &server, &mut &*client));
                drop(client.shutdown(Shutdown::Both));
            });
            drop(listen(client, &server, answer));
            drop(server.shutdown(Shutdown::Both));
        });
    }
    // A closed connection is what the client gets to see of a server that is down.
    drop(client.shutdown(Shutdown::Both));
}

fn listen(
    mut client: &TcpStream,
    mut server: &TcpStream,
    answer: &dyn Fn(&str, &str) -> Option<String>,
) -> io::Result<()> {
    let mut lines = BufReader::new(client);
    let mut user = String::new();
    loop {
        let mut bytes = Vec::new();
        if lines.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&bytes);
        if let Some(name) = signs_in(&line) {
            user = name;
        }
        match answer(&user, line.trim_end()) {
            Some(answer) => {
                let tag = line.split(' ').next().unwrap_or_default();
                client.write_all(format!("{tag} {answer}\r\n").as_bytes())?;
            }
            None => server.write_all(&bytes)?,
        }
    }
}

/// Whom a line signs in.
fn signs_in(line: &str) -> Option<String> {
    let (_, response) = line.split_once(" AUTHENTICATE PLAIN ")?;
    let response = STANDARD.decode(response.trim_end()).ok()?;
    let response = String::from_utf8(response).ok()?;
    Some(response.split('\0').nth(1)?.to_owned())
}
