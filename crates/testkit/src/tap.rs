use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::{acceptor::Acceptor, lab::LabError};

/// Stands between clients and a server, and keeps every byte that passes, in whichever direction.
#[derive(Debug)]
pub struct Tap {
    acceptor: Acceptor,
    seen: Seen,
}

type Seen = Arc<Mutex<Vec<u8>>>;

impl Tap {
    /// Passes connections on to this server.
    pub fn start(server: SocketAddr) -> Result<Self, LabError> {
        let seen = Seen::default();
        let passing = Arc::clone(&seen);
        let acceptor = Acceptor::start(move |client| pass_on(client, server, &passing))?;
        Ok(Self { acceptor, seen })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.acceptor.address()
    }

    /// What has passed so far. What passed on different connections is mixed, piece by piece.
    pub fn seen(&self) -> Vec<u8> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

fn pass_on(client: &TcpStream, server: SocketAddr, seen: &Seen) {
    if let Ok(server) = TcpStream::connect(server) {
        drop(server.set_nodelay(true));
        drop(client.set_nodelay(true));
        thread::scope(|scope| {
            scope.spawn(|| copy(client, &server, seen));
            copy(&server, client, seen);
        });
    }
    drop(client.shutdown(Shutdown::Both));
}

/// Copies to the end; then neither side gets any further.
fn copy(mut from: &TcpStream, mut to: &TcpStream, seen: &Seen) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut piece) {
        let Some(passed) = piece.get(..length).filter(|passed| !passed.is_empty()) else {
            break;
        };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend_from_slice(passed);
        drop(seen);
        if to.write_all(passed).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
