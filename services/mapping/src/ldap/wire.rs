//! The connection to a domain controller: made and protected here, so that nothing reaches the LDAP library
//! that it cannot read.

use std::{io, os::unix::net::UnixStream as StdUnixStream};

use bytes::BytesMut;
use chatkeep_model::connector::LdapDirectory;
use chatkeep_runtime::tls::client_config;
use http::Uri;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::{
    answer::{self, Asked},
    problem::LdapProblem,
};

/// The extended request for TLS (RFC 4511, 4.14.1), as message 1.
const STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// Bytes from and to a server.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Bytes read at once, at least.
const READ: usize = 16 << 10;

/// A connection to a server, and the end of it that the library does not hold.
pub(super) struct Wire {
    server: Box<dyn Stream>,
    library: UnixStream,
}

/// Connects, protected as the connector wants it. The library's end comes with it.
pub(super) async fn open(settings: &LdapDirectory) -> Result<(Wire, StdUnixStream), LdapProblem> {
    let opened = tokio::time::timeout(settings.timeout, reach(settings)).await;
    Wire::over(opened.map_err(|_| LdapProblem::Silent)??)
}

fn pair() -> io::Result<(StdUnixStream, UnixStream)> {
    let (library, ours) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((library, UnixStream::from_std(ours)?))
}

async fn reach(settings: &LdapDirectory) -> Result<Box<dyn Stream>, LdapProblem> {
    let url: Uri = settings.url.parse().map_err(|_| LdapProblem::Url)?;
    let is_tls = url.scheme_str() == Some("ldaps");
    let host = url.host().ok_or(LdapProblem::Url)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(if is_tls { 636 } else { 389 });
    let tcp = TcpStream::connect((host, port)).await;
    let mut tcp = tcp.map_err(|source| LdapProblem::Unreachable { source })?;
    if !settings.is_encrypted() {
        return Ok(Box::new(tcp));
    }
    let config = client_config(settings.ca.as_deref());
    let config = config.map_err(|source| LdapProblem::Ca { source })?;
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|source| LdapProblem::Tls {
        source: source.into(),
    })?;
    if !is_tls {
        ask_for_tls(&mut tcp).await?;
    }
    let tls = TlsConnector::from(config).connect(name, tcp).await;
    Ok(Box::new(tls.map_err(LdapProblem::of_handshake)?))
}

/// Upgrades the connection. What a server says beyond its answer, anybody may have said: it is not believed.
async fn ask_for_tls(tcp: &mut TcpStream) -> Result<(), LdapProblem> {
    let lost = |_| LdapProblem::Lost;
    tcp.write_all(STARTTLS).await.map_err(lost)?;
    let mut bytes = BytesMut::new();
    let length = loop {
        if tcp.read_buf(&mut bytes).await.map_err(lost)? == 0 {
            return Err(LdapProblem::Lost);
        }
        if let Some(length) = answer::length(&bytes)?
            && length <= bytes.len()
        {
            break length;
        }
    };
    if length < bytes.len() {
        return Err(LdapProblem::Malformed);
    }
    Asked::starttls().check(&bytes)?;
    match answer::code(&bytes)? {
        0 => Ok(()),
        code => Err(LdapProblem::Refused {
            action: "connect to the domain controller",
            code,
            detail: None,
        }),
    }
}

impl Wire {
    /// A connection over a stream that is made and protected. The library's end comes with it.
    pub(super) fn over(server: Box<dyn Stream>) -> Result<(Self, StdUnixStream), LdapProblem> {
        let (end, library) = pair().map_err(|source| LdapProblem::Unreachable { source })?;
        Ok((Self { server, library }, end))
    }

    /// Carries requests to the server and answers back until one of both ends, or the server sends what is
    /// no answer.
    pub(super) async fn carry(mut self) -> Result<(), LdapProblem> {
        let lost = |_| LdapProblem::Lost;
        let (mut requests, mut answers) = (BytesMut::new(), BytesMut::new());
        let mut asked = Asked::default();
        loop {
            requests.reserve(READ);
            answers.reserve(READ);
            let read = tokio::select! {
                read = self.library.read_buf(&mut requests) => read,
                read = self.server.read_buf(&mut answers) => read,
            };
            if read.map_err(lost)? == 0 {
                return Ok(());
            }
            while let Some(request) = whole(&mut requests)? {
                asked = Asked::of(&request)?;
                self.server.write_all(&request).await.map_err(lost)?;
                self.server.flush().await.map_err(lost)?;
            }
            while let Some(answer) = whole(&mut answers)? {
                asked.check(&answer)?;
                // The library may be done with it.
                if self.library.write_all(&answer).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// The first message, once all of it is there.
fn whole(bytes: &mut BytesMut) -> Result<Option<BytesMut>, LdapProblem> {
    match answer::length(bytes)? {
        Some(length) if length <= bytes.len() => Ok(Some(bytes.split_to(length))),
        _ => Ok(None),
    }
}
