//! Reads mailboxes over IMAP, independently of the program under test.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::lab::LabError;

/// A message as an IMAP server gives it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredMessage {
    /// All of it.
    pub bytes: Vec<u8>,
    /// INTERNALDATE, as the server writes it.
    pub internal_date: String,
    /// Flags in upper case, sorted, without `\Recent`.
    pub flags: Vec<String>,
}

/// All messages of a user's folder in order of UID; none where there is no such folder.
pub fn read_folder(
    server: SocketAddr,
    (user, password): (&str, &str),
    folder: &str,
) -> Result<Vec<StoredMessage>, LabError> {
    let mut client = Client::sign_in(server, user, password)?;
    if !client.is_ok(&format!("SELECT \"{folder}\""))? {
        return Ok(Vec::new());
    }
    let mut messages = Vec::new();
    let command = "UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])";
    client.ask(command, |line, literal| {
        if let Some(bytes) = literal {
            messages.push(StoredMessage {
                bytes,
                internal_date: between(line, "INTERNALDATE \"", "\"").to_owned(),
                flags: flags(between(line, "FLAGS (", ")")),
            });
        }
    })?;
    Ok(messages)
}

/// The folders of a user, as the server lists them, subscribed ones only where `subscribed`.
pub fn folders(
    server: SocketAddr,
    (user, password): (&str, &str),
    subscribed: bool,
) -> Result<Vec<String>, LabError> {
    let mut client = Client::sign_in(server, user, password)?;
    let command = if subscribed { "LSUB" } else { "LIST" };
    let mut folders = Vec::new();
    client.ask(&format!("{command} \"\" \"*\""), |line, _| {
        if line.starts_with("* L") {
            let name = line.splitn(5, ' ').last().unwrap_or_default();
            let name = line.rsplit_once("\" ").map_or(name, |(_, name)| name);
            folders.push(name.trim().trim_matches('"').to_owned());
        }
    })?;
    Ok(folders)
}

fn between<'a>(line: &'a str, start: &str, end: &str) -> &'a str {
    let after = line.split_once(start).map_or("", |(_, after)| after);
    after.split_once(end).map_or("", |(between, _)| between)
}

fn flags(list: &str) -> Vec<String> {
    let flags = list.split_whitespace().map(str::to_ascii_uppercase);
    let mut flags: Vec<_> = flags.filter(|flag| flag != "\\RECENT").collect();
    flags.sort();
    flags
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn sign_in(server: SocketAddr, user: &str, password: &str) -> Result<Self, LabError> {
        let stream = TcpStream::connect(server).map_err(LabError::Setup)?;
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).map_err(LabError::Setup)?;
        let mut client = Self(BufReader::new(stream));
        client.line()?;
        let response = STANDARD.encode(format!("\0{user}\0{password}"));
        if client.is_ok(&format!("AUTHENTICATE PLAIN {response}"))? {
            return Ok(client);
        }
        Err(LabError::Read("the server refuses the login".to_owned()))
    }

    fn is_ok(&mut self, command: &str) -> Result<bool, LabError> {
        self.ask(command, |_, _| {})
    }

    /// Runs a command; `on` gets every untagged line and the literal in it.
    fn ask(
        &mut self,
        command: &str,
        mut on: impl FnMut(&str, Option<Vec<u8>>),
    ) -> Result<bool, LabError> {
        let stream = self.0.get_mut();
        write!(stream, "t {command}\r\n").map_err(LabError::Setup)?;
        loop {
            let mut line = self.line()?;
            let mut literal = None;
            while let Some(size) = announced(&line) {
                let mut bytes = vec![0; size];
                self.0.read_exact(&mut bytes).map_err(LabError::Setup)?;
                literal = Some(bytes);
                line.push_str(&self.line()?);
            }
            if let Some(status) = line.strip_prefix("t ") {
                return Ok(status.starts_with("OK"));
            }
            on(line.trim_end(), literal);
        }
    }

    fn line(&mut self) -> Result<String, LabError> {
        let mut line = Vec::new();
        let read = self
            .0
            .read_until(b'\n', &mut line)
            .map_err(LabError::Setup)?;
        if read == 0 {
            return Err(LabError::Read(
                "the server closed the connection".to_owned(),
            ));
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

fn announced(line: &str) -> Option<usize> {
    let line = line.trim_end().strip_suffix('}')?;
    line.rsplit_once('{')?.1.parse().ok()
}
