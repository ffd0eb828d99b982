use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Packet types, [MS-TDS] 2.2.3.1.1.
pub(super) const SQL_BATCH: u8 = 1;
pub(super) const RPC: u8 = 3;
pub(super) const TABULAR_RESULT: u8 = 4;
pub(super) const ATTENTION: u8 = 6;
pub(super) const LOGIN7: u8 = 16;
pub(super) const PRELOGIN: u8 = 18;

/// Status bits, [MS-TDS] 2.2.3.1.2.
const END_OF_MESSAGE: u8 = 1;
const IGNORE: u8 = 2;

/// Type, status, length, process id, packet number, window: [MS-TDS] 2.2.3.1.
pub(super) const HEADER: usize = 8;

/// How many bytes a packet has, header included, until both sides agree on something else.
pub(super) const FIRST_PACKET_SIZE: usize = 4_096;

/// A connection, in the clear or inside TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Packets over a connection.
pub(super) struct Channel<S> {
    stream: S,
    input: Vec<u8>,
    packet_size: usize,
    number: u8,
}

/// A packet without its header.
struct Packet {
    kind: u8,
    status: u8,
    data: Vec<u8>,
}

/// All packets of a message, put together.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) data: Vec<u8>,
}

impl<S: Stream> Channel<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            input: Vec::new(),
            packet_size: FIRST_PACKET_SIZE,
            number: 0,
        }
    }

    pub(super) fn set_packet_size(&mut self, size: usize) {
        self.packet_size = size;
    }

    /// The same, whatever kind of connection it is.
    pub(super) fn boxed(self) -> Channel<Box<dyn Stream>>
    where
        S: 'static,
    {
        Channel {
            stream: Box::new(self.stream),
            input: self.input,
            packet_size: self.packet_size,
            number: self.number,
        }
    }

    /// The connection itself.
    pub(super) fn into_stream(self) -> S {
        debug_assert!(self.input.is_empty(), "a client waits for each answer");
        self.stream
    }

    /// The next message. One that the client gave up in the middle is skipped.
    pub(super) async fn message(&mut self) -> io::Result<Message> {
        let mut data = Vec::new();
        loop {
            let packet = self.packet().await?;
            data.extend(packet.data);
            if packet.status & END_OF_MESSAGE == 0 {
                continue;
            }
            if packet.status & IGNORE == 0 {
                let kind = packet.kind;
                return Ok(Message { kind, data });
            }
            data.clear();
        }
    }

    /// Whether an attention comes before that is over. An error when the client goes, or sends anything
    /// else before it has read its answer.
    pub(super) async fn attention_within(
        &mut self,
        over: impl Future<Output = ()>,
    ) -> io::Result<bool> {
        let packet = tokio::select! {
            biased;
            packet = self.packet() => packet?,
            () = over => return Ok(false),
        };
        if packet.kind == ATTENTION {
            return Ok(true);
        }
        let error = "a request before the answer to the one before it";
        Err(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The next packet. What was read of it so far is kept when this is given up.
    async fn packet(&mut self) -> io::Result<Packet> {
        loop {
            if let Some((header, rest)) = self.input.split_first_chunk::<HEADER>() {
                let [kind, status, high, low, ..] = *header;
                let length = usize::from(u16::from_be_bytes([high, low]));
                let Some(length) = length.checked_sub(HEADER) else {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "packet length"));
                };
                if let Some((data, _)) = rest.split_at_checked(length) {
                    let data = data.to_vec();
                    self.input.drain(..HEADER + length);
                    return Ok(Packet { kind, status, data });
                }
            }
            self.input.reserve(FIRST_PACKET_SIZE);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends what fills whole packets, and leaves the rest, at least a byte, for the end of the message.
    pub(super) async fn send_full(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let room = self.packet_size - HEADER;
        if out.len() <= room {
            return Ok(());
        }
        let full = (out.len() - 1) / room * room;
        let mut packets = Vec::with_capacity(out.len() + out.len() / room * HEADER);
        for data in out[..full].chunks(room) {
            self.frame(TABULAR_RESULT, 0, data, &mut packets);
        }
        out.drain(..full);
        self.stream.write_all(&packets).await
    }

    /// Sends the rest of a message.
    pub(super) async fn finish(&mut self, mut out: Vec<u8>) -> io::Result<()> {
        self.send_full(&mut out).await?;
        let mut packet = Vec::with_capacity(HEADER + out.len());
        self.frame(TABULAR_RESULT, END_OF_MESSAGE, &out, &mut packet);
        self.number = 0;
        self.stream.write_all(&packet).await?;
        self.stream.flush().await
    }

    /// Sends what there is of a message, though it fills no packet.
    pub(super) async fn send_all(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.send_full(out).await?;
        if out.is_empty() {
            return Ok(());
        }
        let mut packet = Vec::with_capacity(HEADER + out.len());
        self.frame(TABULAR_RESULT, 0, out, &mut packet);
        out.clear();
        self.stream.write_all(&packet).await?;
        self.stream.flush().await
    }

    /// Closes the connection.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    fn frame(&mut self, kind: u8, status: u8, data: &[u8], out: &mut Vec<u8>) {
        self.number = self.number.wrapping_add(1);
        frame(kind, status, self.number, data, out);
    }
}

/// Appends one packet, of at most 65,527 bytes of data.
fn frame(kind: u8, status: u8, number: u8, data: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(HEADER + data.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    out.extend([kind, status, high, low, 0, 0, number, 0]);
    out.extend(data);
}

/// Puts bytes of a TLS handshake into packets, as [MS-TDS] 2.2.6.5 wants it.
pub(super) fn wrap(bytes: &[u8], out: &mut Vec<u8>) {
    for data in bytes.chunks(FIRST_PACKET_SIZE - HEADER) {
        frame(PRELOGIN, END_OF_MESSAGE, 0, data, out);
    }
}
