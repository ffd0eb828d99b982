//! One mail to one recipient, command by command (RFC 5321): only what a server says about the recipient or
//! the mail itself is its last word. A sign-in that it refuses is ours to mend, and the mail waits.

use std::{fs, time::Duration};

use chatkeep_model::connector::Tls;
use chatkeep_runtime::secret;
use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};
use tokio::time::timeout;

use super::settings::{SmtpError, SmtpSettings};

/// The server that takes reports.
pub(super) struct Smtp {
    settings: SmtpSettings,
    from: Address,
    tls: Option<TlsParameters>,
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// It will not be: the recipient or the mail was refused.
    #[error("the server refuses the mail with {code}")]
    Refused {
        /// The server's answer.
        code: u16,
    },
    /// It may be later. The server's words are left out: they may name somebody.
    #[error("{action}: {problem}")]
    Later {
        /// What was being done.
        action: &'static str,
        /// In few words.
        problem: String,
        /// The server's answer; 0 for none.
        code: u16,
    },
}

impl SendError {
    fn later(action: &'static str, problem: impl Into<String>) -> Self {
        Self::Later {
            action,
            problem: problem.into(),
            code: 0,
        }
    }

    /// What a step came to that says nothing about the mail.
    fn at(action: &'static str) -> impl FnOnce(Error) -> Self {
        move |error| {
            let code = error.status().map_or(0, u16::from);
            let problem = if code > 0 {
                format!("the server answers {code}")
            } else if error.is_tls() {
                "TLS fails; look at tls, host and ca".to_owned()
            } else if error.is_client() {
                "the server does not offer it".to_owned()
            } else {
                "the connection fails".to_owned()
            };
            Self::Later {
                action,
                problem,
                code,
            }
        }
    }

    /// What a step came to that is about the mail.
    fn about_mail(action: &'static str) -> impl FnOnce(Error) -> Self {
        move |error| match error.status() {
            Some(code) if error.is_permanent() => Self::Refused { code: code.into() },
            _ => Self::at(action)(error),
        }
    }
}

impl Smtp {
    /// Takes settings that could work. Reads secrets and CA file; asks nobody.
    pub(super) fn new(settings: &SmtpSettings) -> Result<Self, SmtpError> {
        settings.check()?;
        let problem = "is not a mail address; write e.g. chatkeep@contoso.com";
        let from = settings.from.parse();
        let smtp = Self {
            from: from.map_err(|_| SmtpError::Setting {
                key: "from",
                problem,
            })?,
            tls: tls(settings)?,
            settings: settings.clone(),
        };
        smtp.credentials()?;
        Ok(smtp)
    }

    /// The sender's address.
    pub(super) fn from(&self) -> &str {
        &self.settings.from
    }

    /// How long a mail takes at the longest.
    pub(super) fn longest(&self) -> Duration {
        self.settings.timeout
    }

    /// How long a mail is tried.
    pub(super) fn give_up_after(&self) -> Duration {
        self.settings.give_up_after
    }

    /// Sends a mail to one recipient.
    pub(super) async fn send(&self, recipient: &str, mail: &[u8]) -> Result<(), SendError> {
        let sent = timeout(self.settings.timeout, self.try_sending(recipient, mail));
        let sent = sent.await;
        sent.unwrap_or_else(|_| Err(SendError::later("send mail", "the server takes too long")))
    }

    /// Connects, encrypts and signs in.
    pub(super) async fn try_out(&self) -> Result<(), SendError> {
        let tried = timeout(self.settings.timeout, async {
            let mut connection = self.connect().await?;
            connection.abort().await;
            Ok(())
        });
        let tried = tried.await;
        tried.unwrap_or_else(|_| Err(SendError::later("connect", "the server takes too long")))
    }

    async fn try_sending(&self, recipient: &str, mail: &[u8]) -> Result<(), SendError> {
        // Who is not an address for the library is none for a server.
        let recipient = recipient.parse();
        let recipient: Address = recipient.map_err(|_| SendError::Refused { code: 0 })?;
        let mut connection = self.connect().await?;
        let sender = Mail::new(Some(self.from.clone()), Vec::new());
        let sender = connection.command(sender).await;
        sender.map_err(SendError::at("name sender"))?;
        let to = connection.command(Rcpt::new(recipient, Vec::new())).await;
        to.map_err(SendError::about_mail("name recipient"))?;
        let data = connection.command(Data).await;
        data.map_err(SendError::about_mail("begin mail"))?;
        let taken = connection.message(mail).await;
        taken.map_err(SendError::about_mail("send mail"))?;
        // It is taken, whatever becomes of the farewell.
        connection.abort().await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let hello = ClientId::default();
        let server = (&*self.settings.host, self.settings.port());
        let at_once = self
            .tls
            .clone()
            .filter(|_| self.settings.tls == Tls::Implicit);
        let limit = Some(self.settings.timeout);
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, limit, &hello, at_once, None).await;
        let mut connection = connected.map_err(SendError::at("connect"))?;
        if let Some(tls) = self.tls.clone()
            && self.settings.tls == Tls::Starttls
        {
            let encrypted = connection.starttls(tls, &hello).await;
            encrypted.map_err(SendError::at("encrypt with STARTTLS"))?;
        }
        let credentials = self.credentials();
        let credentials =
            credentials.map_err(|error| SendError::later("sign in", error.to_string()))?;
        if let Some(credentials) = credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let signed_in = connection.auth(&mechanisms, &credentials).await;
            signed_in.map_err(SendError::at("sign in"))?;
        }
        Ok(connection)
    }

    /// Read anew each time: passwords are changed while the process runs.
    fn credentials(&self) -> Result<Option<Credentials>, SmtpError> {
        let (Some(user), Some(password)) = (&self.settings.user, &self.settings.password) else {
            return Ok(None);
        };
        let read = |key, reference| {
            secret::read(reference).map_err(|source| SmtpError::Secret { key, source })
        };
        let (user, password) = (read("user", user)?, read("password", password)?);
        Ok(Some(Credentials::new(
            user.expose().to_owned(),
            password.expose().to_owned(),
        )))
    }
}

fn tls(settings: &SmtpSettings) -> Result<Option<TlsParameters>, SmtpError> {
    if settings.tls == Tls::None {
        return Ok(None);
    }
    let failed = |source| SmtpError::Tls { source };
    let mut tls = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca {
        let pem = fs::read(path).map_err(|source| SmtpError::Read {
            path: path.clone(),
            source,
        })?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(failed)?);
    }
    tls.build_rustls().map(Some).map_err(failed)
}
