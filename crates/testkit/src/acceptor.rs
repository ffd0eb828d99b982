use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::lab::{LabError, loopback};

/// Accepts connections on a free port until it is dropped, and serves each in a thread of its own.
#[derive(Debug)]
pub(crate) struct Acceptor {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Acceptor {
    pub(crate) fn start(
        serve: impl Fn(&TcpStream) + Send + Sync + 'static,
    ) -> Result<Self, LabError> {
        let listener = TcpListener::bind(loopback(0)).map_err(LabError::Setup)?;
        let address = listener.local_addr().map_err(LabError::Setup)?;
        let closed = Arc::<AtomicBool>::default();
        let is_closed = Arc::clone(&closed);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(&client));
            }
        });
        Ok(Self { address, closed })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; when nobody listens any more, it has ended already.
        drop(TcpStream::connect(self.address));
    }
}
