//! The entry for coverage-guided fuzzing: whatever a server answers, the LDAP library can read what it is
//! handed.

use std::time::Duration;

use chatkeep_model::connector::{LdapDirectory, SecretRef};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    runtime::Builder,
};

use super::{
    answer::{Asked, LARGEST, code, length},
    entry::{ATTRIBUTES, Entry},
    problem::LdapProblem,
    refresh::person,
    session,
    wire::Wire,
};

/// The beginnings of a search and of a sign-in, as message 1: all that the check needs to know of them.
const SEARCH: &[u8] = b"\x30\x05\x02\x01\x01\x63\x00";
const SIGN_IN: &[u8] = b"\x30\x05\x02\x01\x01\x60\x00";
/// The longest head of a message, bytes: a tag and a length of five.
const LARGEST_HEAD: usize = 6;

/// Gives the bytes out as what a server answers: to a search, and to a sign-in.
pub(crate) fn answers(data: &[u8]) {
    let (first, _) = split(data);
    let passes = |request| Asked::of(request).is_ok_and(|mut asked| asked.check(first).is_ok());
    if passes(SIGN_IN) {
        assert!(code(first).is_ok(), "an answer to a sign-in has a code");
        talk(data, false);
    }
    if passes(SEARCH) {
        talk(data, true);
    }
}

/// The first message, or what there is of it, and the rest.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let Ok(Some(length)) = length(data) else {
        return (data, &[]);
    };
    assert!(length <= LARGEST_HEAD + LARGEST, "nobody can keep that");
    data.split_at(length.min(data.len()))
}

/// A session with a server that answers so.
fn talk(data: &[u8], is_search: bool) {
    let runtime = Builder::new_current_thread().enable_all().build();
    let ended = runtime.map(|runtime| runtime.block_on(hold(data, is_search)));
    assert!(
        !matches!(ended, Ok(Err(LdapProblem::Broken)) | Err(_)),
        "the library read what it was handed"
    );
}

async fn hold(data: &[u8], is_search: bool) -> Result<(), LdapProblem> {
    let settings = settings();
    let (ours, server) = duplex(64 << 10);
    let (wire, end) = Wire::over(Box::new(ours))?;
    let (connection, mut session) = session::over(wire, end, &settings).await?;
    let talk = async move {
        if !is_search {
            return session.bind("ann", "secret").await;
        }
        let take = |entry: &Entry| drop(person(entry));
        session.each("(mail=*)", &ATTRIBUTES, take).await
    };
    let (ended, ()) = tokio::join!(connection.carry(talk), answer(server, data));
    ended
}

fn settings() -> LdapDirectory {
    LdapDirectory {
        url: String::new(),
        starttls: false,
        ca: None,
        base: String::new(),
        user: SecretRef::Env(String::new()),
        password: SecretRef::Env(String::new()),
        filter: None,
        page_size: 10,
        timeout: Duration::from_mins(1),
    }
}

/// The server: to each request messages up to a result, and the end behind the last of them.
async fn answer(mut server: DuplexStream, mut data: &[u8]) {
    let mut request = [0; 4096];
    while server.read(&mut request).await.is_ok_and(|read| read > 0) {
        loop {
            let (message, rest) = split(data);
            data = rest;
            if server.write_all(message).await.is_err() || data.is_empty() {
                return;
            }
            if code(message).is_ok() {
                break;
            }
        }
    }
}
