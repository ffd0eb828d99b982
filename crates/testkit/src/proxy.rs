use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{acceptor::Acceptor, lab::LabError};

/// Where a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After this many bytes from client to server.
    ToServer(usize),
    /// After this many bytes from server to client: the server has got everything.
    ToClient(usize),
}

/// Passes connections on to a server, and cuts some of them at a chosen byte.
#[derive(Debug)]
pub struct CuttingProxy {
    acceptor: Acceptor,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    cuts: Mutex<VecDeque<Cut>>,
    made: AtomicUsize,
}

impl CuttingProxy {
    /// Stands before this server.
    pub fn start(upstream: SocketAddr) -> Result<Self, LabError> {
        let shared = Arc::new(Shared {
            upstream,
            cuts: Mutex::default(),
            made: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = Acceptor::start(move |client| accepting.pass_on(client))?;
        Ok(Self { acceptor, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.acceptor.address()
    }

    /// The next connection breaks there; called again, the one after it, and so on.
    pub fn cut_next(&self, cut: Cut) {
        self.shared.cuts().push_back(cut);
    }

    /// How many connections were cut so far.
    pub fn cuts_made(&self) -> usize {
        self.shared.made.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn cuts(&self) -> std::sync::MutexGuard<'_, VecDeque<Cut>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(&self, client: &TcpStream) {
        let cut = self.cuts().pop_front();
        let Ok(server) = TcpStream::connect(self.upstream) else {
            // A closed connection is what the client gets to see of a server that is down.
            drop(client.shutdown(Shutdown::Both));
            return;
        };
        drop(server.set_nodelay(true));
        drop(client.set_nodelay(true));
        let (up, down) = match cut {
            Some(Cut::ToServer(bytes)) => (Some(bytes), None),
            Some(Cut::ToClient(bytes)) => (None, Some(bytes)),
            None => (None, None),
        };
        thread::scope(|scope| {
            scope.spawn(|| self.copy(client, &server, up));
            self.copy(&server, client, down);
        });
    }

    /// Copies until an end, an error, or the byte at which to cut; then neither side gets any further.
    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, cut: Option<usize>) {
        let mut left = cut.unwrap_or(usize::MAX);
        let mut buffer = vec![0; 64 * 1024];
        let copied: io::Result<()> = (|| {
            loop {
                let read = from.read(&mut buffer)?;
                if read == 0 {
                    return Ok(());
                }
                to.write_all(&buffer[..read.min(left)])?;
                if read >= left {
                    self.made.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                if cut.is_some() {
                    left -= read;
                }
            }
        })();
        // Whatever ended it: both sides see a connection that is gone.
        drop(copied);
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
}

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = bound as u64;
        usize::try_from((z ^ (z >> 31)) % bound).unwrap_or(0)
    }
}
