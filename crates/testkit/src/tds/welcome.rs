use std::{future, io, sync::PoisonError};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{
    channel::{Channel, FIRST_PACKET_SIZE, LOGIN7, PRELOGIN, Stream},
    faults::{Fault, Occasion},
    handshake::Handshake,
    login::Login,
    prelogin::{self, Encryption, Prelogin},
    server::{Encrypted, Shared, SignedIn},
    tokens::{self, Change},
    wire::Malformed,
};

type Open = Channel<Box<dyn Stream>>;

/// The smallest packets, [MS-TDS] 2.2.6.4.
const SMALLEST_PACKET: usize = 512;

/// Takes a connection up to its accepted login: the channel, and the database it is for. `None` when the
/// client was sent away.
pub(super) async fn receive(
    socket: TcpStream,
    shared: &Shared,
) -> io::Result<Option<(Open, String)>> {
    let faults = shared.faults.due(Occasion::Connection, "");
    if faults.contains(&Fault::Mute) {
        let _held = socket;
        return future::pending().await;
    }
    let Some((mut channel, login, encrypted)) = sign_in(socket, shared).await? else {
        return Ok(None);
    };
    let mut out = Vec::new();
    match judge(&login, shared) {
        Verdict::Refused(errors) => {
            for (number, class, message) in errors {
                tokens::error(number, class, &message, &mut out);
            }
            tokens::end_login(false, &mut out);
            channel.finish(out).await?;
            Ok(None)
        }
        Verdict::Routed(host, port) => {
            tokens::login_accepted(&mut out);
            let host = &host;
            tokens::changed(Change::Routing { host, port }, &mut out);
            tokens::end_login(true, &mut out);
            channel.finish(out).await?;
            Ok(None)
        }
        Verdict::Accepted(database) => {
            let packet_size = packet_size(&login, shared);
            greet(&database, packet_size, shared, &mut out);
            channel.finish(out).await?;
            channel.set_packet_size(packet_size);
            let logins = shared.logins.lock();
            logins
                .unwrap_or_else(PoisonError::into_inner)
                .push(SignedIn {
                    database: database.clone(),
                    application: login.application,
                    is_read_only: login.is_read_only,
                    encrypted,
                });
            Ok(Some((channel, database)))
        }
    }
}

/// PRELOGIN, TLS where both sides want it, LOGIN7. `None` where they do not agree.
async fn sign_in(
    socket: TcpStream,
    shared: &Shared,
) -> io::Result<Option<(Open, Login, Encrypted)>> {
    let mut channel = Channel::new(socket);
    let prelogin = Prelogin::read(&expect(&mut channel, PRELOGIN).await?).map_err(invalid)?;
    let insists = shared
        .options
        .tls
        .as_ref()
        .is_some_and(|tls| tls.is_required);
    let encryption = prelogin::agree(prelogin.encryption, shared.tls.is_some(), insists);
    let instance = shared.options.instance.as_deref().unwrap_or_default();
    let is_instance =
        prelogin.instance.is_empty() || prelogin.instance.eq_ignore_ascii_case(instance);
    channel
        .finish(prelogin::answer(encryption, is_instance))
        .await?;
    if encryption == Encryption::Required && prelogin.encryption == Encryption::NotSupported {
        return Ok(None);
    }
    let tls = shared
        .tls
        .as_ref()
        .filter(|_| encryption != Encryption::NotSupported);
    let Some(tls) = tls else {
        let login = read_login(&mut channel).await?;
        return Ok(Some((channel.boxed(), login, Encrypted::Nothing)));
    };
    let encrypted = match encryption {
        Encryption::Off => Encrypted::Login,
        _ => Encrypted::Everything,
    };
    let (channel, login) = encrypt(channel.into_stream(), tls, encrypted).await?;
    Ok(Some((channel, login, encrypted)))
}

/// The handshake and the login inside TLS; after a login that alone is encrypted, the bare connection.
async fn encrypt(
    socket: TcpStream,
    tls: &TlsAcceptor,
    encrypted: Encrypted,
) -> io::Result<(Open, Login)> {
    let mut stream = tls.accept(Handshake::new(socket)).await?;
    stream.get_mut().0.set_over();
    let mut channel = Channel::new(stream);
    let login = read_login(&mut channel).await?;
    if encrypted == Encrypted::Everything {
        return Ok((channel.boxed(), login));
    }
    let (handshake, _) = channel.into_stream().into_inner();
    Ok((Channel::new(handshake.into_inner()).boxed(), login))
}

async fn read_login<S: Stream>(channel: &mut Channel<S>) -> io::Result<Login> {
    Login::read(&expect(channel, LOGIN7).await?).map_err(invalid)
}

async fn expect<S: Stream>(channel: &mut Channel<S>, kind: u8) -> io::Result<Vec<u8>> {
    let message = channel.message().await?;
    if message.kind == kind {
        return Ok(message.data);
    }
    let error = format!("packet type {} instead of {kind}", message.kind);
    Err(invalid(Malformed::Unexpected(error)))
}

fn invalid(error: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

enum Verdict {
    Accepted(String),
    Routed(String, u16),
    /// Number, class and text of each error.
    Refused(Vec<(i32, u8, String)>),
}

fn judge(login: &Login, shared: &Shared) -> Verdict {
    let user = &login.user;
    let failed = (18456, 14, format!("Login failed for user '{user}'."));
    let fault = shared.faults.due(Occasion::Login, "").into_iter().next();
    let options = &shared.options;
    if login.is_integrated {
        let message = "Login failed. The login is from an untrusted domain.".to_owned();
        return Verdict::Refused(vec![(18452, 14, message)]);
    }
    let is_known = *user == options.user && login.password == options.password;
    if !is_known || fault == Some(Fault::RefuseLogin) {
        return Verdict::Refused(vec![failed]);
    }
    if let Some(Fault::Route { host, port }) = fault {
        return Verdict::Routed(host, port);
    }
    let wanted = if login.database.is_empty() {
        "master"
    } else {
        &login.database
    };
    if fault == Some(Fault::Mirror) {
        let message = format!(
            "The database \"{wanted}\" cannot be opened. It is acting as a mirror database."
        );
        return Verdict::Refused(vec![(954, 14, message), failed]);
    }
    let mut databases = options
        .databases
        .iter()
        .map(String::as_str)
        .chain(["master"]);
    match databases.find(|name| name.eq_ignore_ascii_case(wanted)) {
        Some(database) if fault != Some(Fault::RefuseDatabase) => {
            Verdict::Accepted(database.to_owned())
        }
        _ => {
            let message = format!(
                "Cannot open database \"{wanted}\" requested by the login. The login failed."
            );
            Verdict::Refused(vec![(4060, 11, message), failed])
        }
    }
}

/// What the client asked for, as far as the server goes; its own where the client asks for nothing.
fn packet_size(login: &Login, shared: &Shared) -> usize {
    let most = usize::from(shared.options.packet_size).max(SMALLEST_PACKET);
    match usize::try_from(login.packet_size) {
        Ok(0) | Err(_) => most,
        Ok(wanted) => wanted.clamp(SMALLEST_PACKET, most),
    }
}

/// What SQL Server says to a login that it accepts.
fn greet(database: &str, packet_size: usize, shared: &Shared, out: &mut Vec<u8>) {
    tokens::changed(Change::Database { now: database }, out);
    tokens::info(
        5701,
        &format!("Changed database context to '{database}'."),
        out,
    );
    tokens::changed(Change::Collation, out);
    tokens::login_accepted(out);
    if let Some(partner) = &shared.options.failover_partner {
        tokens::changed(Change::Partner(partner), out);
    }
    let change = Change::PacketSize {
        before: FIRST_PACKET_SIZE,
        now: packet_size,
    };
    tokens::changed(change, out);
    tokens::end_login(true, out);
}
