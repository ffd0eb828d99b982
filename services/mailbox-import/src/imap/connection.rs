use std::{collections::VecDeque, io, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    error::ImapError,
    frame::Framer,
    response::{self, Code, Kind, Response, Status},
};

/// No response we ask for is longer: a listing comes in one response per message, and a message has at
/// most the largest size of an item.
const LONGEST_RESPONSE: usize = 256 << 20;

/// How long to listen for a reason after the server stopped reading.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A stream of bytes, encrypted or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// A conversation with an IMAP server: commands out, responses in. Every wait has an end.
pub(crate) struct Connection {
    stream: Box<dyn Io>,
    framer: Framer,
    /// For the server to say or take something.
    patience: Duration,
    commands: u32,
    capabilities: Vec<String>,
    /// What is not used though the server announces it.
    shunned: &'static [&'static str],
    messages: u32,
}

impl Connection {
    /// Talks over this stream.
    pub(crate) fn new(stream: Box<dyn Io>, patience: Duration) -> Self {
        Self {
            stream,
            framer: Framer::new(LONGEST_RESPONSE),
            patience,
            commands: 0,
            capabilities: Vec::new(),
            shunned: &[],
            messages: 0,
        }
    }

    /// Never uses these capabilities, whatever the server announces.
    pub(crate) fn shun(&mut self, capabilities: &'static [&'static str]) {
        self.shunned = capabilities;
    }

    /// Messages in the selected folder, as far as the server has told.
    pub(crate) fn messages(&self) -> u32 {
        self.messages
    }

    /// Waits for the server's greeting. True when it has signed us in already.
    pub(crate) async fn greeting(&mut self) -> Result<(), ImapError> {
        match self.receive().await? {
            Response::Untagged(status) if status.kind == Kind::Ok => Ok(()),
            Response::Untagged(status) => Err(ImapError::Refused {
                command: "greet",
                status: Box::new(status),
            }),
            _ => Err(ImapError::NotImap),
        }
    }

    /// Gives the stream back for an upgrade to TLS. Nothing may have arrived that was not asked for: it
    /// would be taken for an answer under encryption.
    pub(crate) fn into_stream(mut self) -> Result<Box<dyn Io>, ImapError> {
        if self.framer.buffer().is_empty() {
            return Ok(self.stream);
        }
        Err(ImapError::NotImap)
    }

    /// Whether the server has announced the capability, and it may be used.
    pub(crate) fn can(&self, capability: &str) -> bool {
        let is_known = self.capabilities.iter().any(|name| name == capability);
        is_known && !self.shunned.contains(&capability)
    }

    /// All capabilities, in upper case.
    pub(crate) fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Forgets the capabilities: they change by STARTTLS and by signing in.
    pub(crate) fn forget_capabilities(&mut self) {
        self.capabilities.clear();
    }

    /// A tag for the next command.
    pub(crate) fn tag(&mut self) -> String {
        self.commands = self.commands.wrapping_add(1);
        format!("c{}", self.commands)
    }

    /// Runs a command and passes what comes before its end to `on`. An answer other than OK is an
    /// answer, not an error.
    pub(crate) async fn ask(
        &mut self,
        command: &str,
        mut on: impl FnMut(Response) + Send,
    ) -> Result<Status, ImapError> {
        let tag = self.tag();
        self.send([Bytes::from(format!("{tag} {command}\r\n"))].into())
            .await?;
        loop {
            match self.receive().await? {
                Response::Tagged { tag: ended, status } if ended == tag => return Ok(status),
                response => on(response),
            }
        }
    }

    /// Runs a command whose untagged answers do not matter and that must succeed.
    pub(crate) async fn run(
        &mut self,
        name: &'static str,
        command: &str,
    ) -> Result<Status, ImapError> {
        let status = self.ask(command, |_| {}).await?;
        status.expect_ok(name)
    }

    /// The next response. A server that says goodbye has closed the connection.
    pub(crate) async fn receive(&mut self) -> Result<Response, ImapError> {
        let response = self.receive_raw().await?;
        match &response {
            Response::Capability(names) => names.clone_into(&mut self.capabilities),
            Response::Exists(count) => self.messages = *count,
            Response::Untagged(status) | Response::Tagged { status, .. } => {
                if let Code::Capability(names) = &status.code {
                    names.clone_into(&mut self.capabilities);
                }
            }
            Response::Bye(status) => {
                let bye = Some(Box::new(status.clone()));
                return Err(ImapError::Closed { bye });
            }
            _ => {}
        }
        Ok(response)
    }

    async fn receive_raw(&mut self) -> Result<Response, ImapError> {
        loop {
            let frame = self.framer.next();
            if let Some(frame) = frame.map_err(|source| ImapError::TooLong { source })? {
                return Ok(response::parse(&frame));
            }
            let read = self.stream.read_buf(self.framer.buffer());
            let read = timeout(self.patience, read).await;
            match read.map_err(|_| ImapError::Silent)? {
                Ok(0) => return Err(ImapError::Closed { bye: None }),
                Ok(_) => {}
                Err(source) => return Err(ImapError::Io { source }),
            }
        }
    }

    /// Sends bytes without joining them first.
    pub(crate) async fn send(&mut self, mut chunks: VecDeque<Bytes>) -> Result<(), ImapError> {
        while !chunks.is_empty() {
            let slices: Vec<_> = chunks.iter().map(|chunk| io::IoSlice::new(chunk)).collect();
            let write = self.stream.write_vectored(&slices);
            match timeout(self.patience, write).await {
                Err(_) => return Err(ImapError::Silent),
                Ok(Ok(written)) if written > 0 => advance(&mut chunks, written),
                Ok(result) => {
                    let broken = || io::ErrorKind::WriteZero.into();
                    return Err(self.last_words(result.err().unwrap_or_else(broken)).await);
                }
            }
        }
        let flushed = timeout(self.patience, self.stream.flush()).await;
        match flushed.map_err(|_| ImapError::Silent)? {
            Ok(()) => Ok(()),
            Err(error) => Err(self.last_words(error).await),
        }
    }

    /// A server that closes a connection often says why: that is worth more than "broken pipe".
    async fn last_words(&mut self, error: io::Error) -> ImapError {
        let listen = async {
            loop {
                match self.receive().await {
                    Ok(_) => {}
                    Err(reason @ ImapError::Closed { bye: Some(_) }) => return Some(reason),
                    Err(_) => return None,
                }
            }
        };
        let reason = timeout(LAST_WORDS, listen).await.ok().flatten();
        reason.unwrap_or(ImapError::Io { source: error })
    }

    /// Says goodbye; whether the server hears it does not matter.
    pub(crate) async fn logout(mut self) {
        if self.ask("LOGOUT", |_| {}).await.is_ok()
            && let Err(error) = self.stream.shutdown().await
        {
            tracing::debug!(%error, "connection not shut down");
        }
    }
}

fn advance(chunks: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = chunks.front_mut() {
        if written < first.len() {
            *first = first.slice(written..);
            return;
        }
        written -= first.len();
        chunks.pop_front();
    }
}
