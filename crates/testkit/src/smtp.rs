use std::{fs, io, net::SocketAddr, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{
    certificates::make_certificates,
    lab::{LabError, Server, free_port, loopback, write},
};

/// How connections of a mail server are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// They are not.
    None,
    /// After STARTTLS; before that nothing is taken.
    Starttls,
    /// From the first byte.
    Implicit,
}

/// A mail server of its own, of Debian's package `python3-aiosmtpd`, that keeps what it takes.
#[derive(Debug)]
pub struct Smtp {
    server: Option<Server>,
    folder: TempDir,
    port: u16,
}

/// A mail that a server has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMail {
    /// Envelope, sign-in and encryption, as JSON with the keys `from`, `to`, `is_encrypted` and
    /// `is_signed_in`.
    pub about: String,
    /// The mail itself.
    pub mail: Vec<u8>,
}

impl Smtp {
    /// Who signs in where somebody must.
    pub const USER: &str = "chatkeep";
    /// Their password.
    pub const PASSWORD: &str = "s3cret-of-the-lab";

    /// Starts a server; with `signs_in` it takes mail of [`USER`](Self::USER) alone.
    pub fn start(tls: SmtpTls, signs_in: bool) -> Result<Self, LabError> {
        let mut smtp = Self::prepare(tls, signs_in)?;
        smtp.resume()?;
        Ok(smtp)
    }

    /// Makes a server that does not run yet.
    pub fn prepare(tls: SmtpTls, signs_in: bool) -> Result<Self, LabError> {
        let folder = TempDir::new().map_err(LabError::Setup)?;
        make_certificates(folder.path())?;
        let port = free_port()?;
        let tls = match tls {
            SmtpTls::None => "none",
            SmtpTls::Starttls => "starttls",
            SmtpTls::Implicit => "implicit",
        };
        let quoted = |text: &str| {
            if signs_in {
                format!("\"{text}\"")
            } else {
                "null".to_owned()
            }
        };
        let (user, password) = (quoted(Self::USER), quoted(Self::PASSWORD));
        let settings = format!(
            "{{\"port\": {port}, \"tls\": \"{tls}\", \"user\": {user}, \"password\": {password}}}"
        );
        write(&folder.path().join("settings.json"), &settings)?;
        let program = include_str!("smtp/server.py");
        write(&folder.path().join("server.py"), program)?;
        Ok(Self {
            server: None,
            folder,
            port,
        })
    }

    /// Starts the server, or starts it again on the same port.
    pub fn resume(&mut self) -> Result<(), LabError> {
        // Not the first Python of the path: the package belongs to the distribution's.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(self.path("server.py")).arg(self.folder.path());
        let log = self.path("server.log");
        self.server = Some(Server::start("aiosmtpd", &mut command, self.port, &log)?);
        Ok(())
    }

    /// Stops the server; what it has taken stays.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }

    /// The certificate authority that vouches for it, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// An authority that does not.
    pub fn other_ca(&self) -> PathBuf {
        self.path("other.pem")
    }

    /// Lets this go wrong, one after the other: `RCPT 451`, `DATA 452`, `DATA drop` (it takes the mail
    /// and hangs up), `DATA hang` (it takes the mail and never says so).
    pub fn fail(&self, faults: &[&str]) -> Result<(), LabError> {
        write(&self.path("faults"), &faults.join("\n"))
    }

    /// Refuses these recipients for good.
    pub fn refuse(&self, recipients: &[&str]) -> Result<(), LabError> {
        write(&self.path("refused"), &recipients.join("\n"))
    }

    /// Everything it has taken, in order.
    pub fn taken(&self) -> Result<Vec<TakenMail>, LabError> {
        let mut taken = Vec::new();
        loop {
            let number = taken.len() + 1;
            let about = match fs::read_to_string(self.path(&format!("{number}.json"))) {
                Ok(about) => about,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(taken),
                Err(error) => return Err(LabError::Setup(error)),
            };
            let mail = fs::read(self.path(&format!("{number}.eml")));
            let mail = mail.map_err(LabError::Setup)?;
            taken.push(TakenMail { about, mail });
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
