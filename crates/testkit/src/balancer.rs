use std::{
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{acceptor::Acceptor, lab::LabError};

/// One address for several servers: each connection goes to the next one that takes it, as a Kubernetes
/// service does it.
#[derive(Debug)]
pub struct Balancer {
    acceptor: Acceptor,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    servers: Mutex<Vec<SocketAddr>>,
    clients: Mutex<Vec<TcpStream>>,
}

impl Balancer {
    /// Listens; there are no servers yet.
    pub fn start() -> Result<Self, LabError> {
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        let acceptor = Acceptor::start(move |client| accepting.pass_on(client))?;
        Ok(Self { acceptor, shared })
    }

    /// Passes connections on to these servers from now on.
    pub fn serve(&self, servers: Vec<SocketAddr>) {
        *self.shared.servers() = servers;
    }

    /// Breaks every connection there is.
    pub fn cut(&self) {
        for client in self.shared.clients().drain(..) {
            // One that has ended meanwhile needs no breaking.
            drop(client.shutdown(Shutdown::Both));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.acceptor.address()
    }
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn servers(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next server that takes a connection.
    fn connect(&self) -> Option<TcpStream> {
        let count = self.servers().len();
        (0..count).find_map(|_| {
            let mut servers = self.servers();
            servers.rotate_left(1);
            let server = *servers.last()?;
            drop(servers);
            TcpStream::connect(server).ok()
        })
    }

    fn pass_on(&self, client: &TcpStream) {
        if let Some(server) = self.connect() {
            drop(server.set_nodelay(true));
            drop(client.set_nodelay(true));
            self.clients().extend(client.try_clone());
            thread::scope(|scope| {
                scope.spawn(|| copy(client, &server));
                copy(&server, client);
            });
        }
        // A closed connection is what the client gets to see of servers that are down.
        drop(client.shutdown(Shutdown::Both));
    }
}

/// Copies to the end; then neither side gets any further.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    drop(io::copy(&mut from, &mut to));
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
