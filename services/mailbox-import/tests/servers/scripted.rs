//! A server that answers by a script: for answers that no server here gives.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// Answers each command by what a function makes of its line. The last line of an answer gets the
/// command's tag.
pub(crate) struct Scripted(SocketAddr);

impl Scripted {
    pub(crate) fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(&stream.unwrap(), &*answer));
            }
        });
        Self(address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0
    }
}

/// Ends with the client's connection.
fn serve(mut stream: &TcpStream, answer: &dyn Fn(&str) -> String) {
    let mut reader = BufReader::new(stream);
    stream.write_all(b"* OK ready\r\n").unwrap();
    loop {
        let mut line = String::new();
        loop {
            let start = line.len();
            if !matches!(reader.read_line(&mut line), Ok(1..)) {
                return;
            }
            let literal = line[start..].trim_end().strip_suffix("+}");
            let Some((_, size)) = literal.and_then(|line| line.rsplit_once('{')) else {
                break;
            };
            let mut bytes = vec![0; size.parse().unwrap()];
            reader.read_exact(&mut bytes).unwrap();
        }
        let Some((tag, command)) = line.split_once(' ') else {
            return;
        };
        let answer = answer(command.trim_end());
        let (untagged, tagged) = answer.rsplit_once("\r\n").unwrap_or(("", &answer));
        let separator = if untagged.is_empty() { "" } else { "\r\n" };
        let text = format!("{untagged}{separator}{tag} {tagged} done\r\n");
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}
