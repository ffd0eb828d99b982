use std::{
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::channel::{self, HEADER, PRELOGIN};

/// A connection whose TLS handshake travels in PRELOGIN packets, [MS-TDS] 2.2.6.5; what follows the
/// handshake is plain TLS.
pub(super) struct Handshake<S> {
    inner: S,
    is_over: bool,
    header: [u8; HEADER],
    /// Of the header.
    read: usize,
    /// Of the data of the packet whose header was read.
    left: usize,
    output: Vec<u8>,
    packets: Vec<u8>,
}

impl<S> Handshake<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            is_over: false,
            header: [0; HEADER],
            read: 0,
            left: 0,
            output: Vec::new(),
            packets: Vec::new(),
        }
    }

    /// From here on there are no packets around TLS any more.
    pub(super) fn set_over(&mut self) {
        self.is_over = true;
    }

    pub(super) fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> Handshake<S> {
    /// Reads the header of the next packet; false at the end of the connection.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.read < HEADER {
            let mut rest = ReadBuf::new(&mut self.header[self.read..]);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut rest))?;
            match rest.filled().len() {
                0 => return Poll::Ready(Ok(false)),
                read => self.read += read,
            }
        }
        let [kind, _, high, low, ..] = self.header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        self.read = 0;
        match length.checked_sub(HEADER) {
            Some(left) if kind == PRELOGIN => self.left = left,
            _ => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
        Poll::Ready(Ok(true))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Handshake<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_over {
            return Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        while this.left == 0 {
            if !ready!(this.poll_header(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
        let room = this.left.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        this.left -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Handshake<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_over {
            return Pin::new(&mut this.inner).poll_write(cx, bytes);
        }
        // A flight of the handshake becomes one packet once all of it is here.
        this.output.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        channel::wrap(&mem::take(&mut this.output), &mut this.packets);
        while !this.packets.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_write(cx, &this.packets))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(this.packets.drain(..written)),
            }
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}
