//! Signing in.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chatkeep_model::connector::{Auth, ImapTarget};
use chatkeep_runtime::secret::{self, Secret, SecretError};

use super::{
    connection::Connection,
    error::ImapError,
    response::{Response, Status},
};

/// Who signs in, and as whom.
#[derive(Debug)]
pub(crate) struct Credentials {
    mechanism: Mechanism,
    login: String,
    password: Secret,
}

#[derive(Debug)]
enum Mechanism {
    /// PLAIN, or LOGIN where the server has none; with an identity to act as.
    Plain {
        acts_as: Option<String>,
    },
    Xoauth2,
}

impl Credentials {
    /// The connector's way into a mailbox. Secrets are read anew each time: a token may have been
    /// replaced meanwhile. `token` is what takes the password's place where Entra ID gives out tokens.
    pub(crate) fn of(
        target: &ImapTarget,
        mailbox: &str,
        token: Option<&Secret>,
    ) -> Result<Self, SecretError> {
        let local = mailbox.split('@').next().unwrap_or(mailbox);
        let name = target.login.replace("{mailbox}", mailbox);
        let name = name.replace("{local}", local);
        let user = || {
            let user = target.user.as_ref().map(secret::read).transpose()?;
            Ok(user.map_or_else(String::new, |user| user.expose().to_owned()))
        };
        let (mechanism, login) = match target.auth {
            Auth::Plain => (Mechanism::Plain { acts_as: None }, name),
            Auth::Authzid => {
                let acts_as = Some(name);
                (Mechanism::Plain { acts_as }, user()?)
            }
            Auth::Master => {
                let login = format!("{name}*{}", user()?);
                (Mechanism::Plain { acts_as: None }, login)
            }
            Auth::Xoauth2 => (Mechanism::Xoauth2, name),
        };
        let password = match (token, &target.password) {
            (Some(token), _) => token.clone(),
            (None, Some(password)) => secret::read(password)?,
            (None, None) => Secret::new(""),
        };
        Ok(Self {
            mechanism,
            login,
            password,
        })
    }

    fn initial_response(&self) -> String {
        let password = self.password.expose();
        let response = match &self.mechanism {
            Mechanism::Plain { acts_as } => {
                let acts_as = acts_as.as_deref().unwrap_or_default();
                format!("{acts_as}\0{}\0{password}", self.login)
            }
            Mechanism::Xoauth2 => {
                format!("user={}\x01auth=Bearer {password}\x01\x01", self.login)
            }
        };
        STANDARD.encode(response)
    }
}

/// Signs in by the best way the server offers.
pub(crate) async fn sign_in(
    connection: &mut Connection,
    credentials: &Credentials,
) -> Result<(), ImapError> {
    if connection.capabilities().is_empty() {
        connection.run("ask for capabilities", "CAPABILITY").await?;
    }
    let can_login = !connection.can("LOGINDISABLED");
    let status = match &credentials.mechanism {
        Mechanism::Xoauth2 if connection.can("AUTH=XOAUTH2") => {
            authenticate(connection, "XOAUTH2", credentials).await?
        }
        Mechanism::Xoauth2 => return Err(ImapError::Missing("AUTH=XOAUTH2")),
        Mechanism::Plain { .. } if connection.can("AUTH=PLAIN") => {
            authenticate(connection, "PLAIN", credentials).await?
        }
        Mechanism::Plain { acts_as: None } if can_login => login(connection, credentials).await?,
        Mechanism::Plain { .. } => {
            return Err(ImapError::Missing(
                "AUTH=PLAIN on this connection; it may want TLS",
            ));
        }
    };
    status.expect_ok("sign in")?;
    if connection.capabilities().is_empty() {
        connection.run("ask for capabilities", "CAPABILITY").await?;
    }
    Ok(())
}

async fn authenticate(
    connection: &mut Connection,
    mechanism: &str,
    credentials: &Credentials,
) -> Result<Status, ImapError> {
    let tag = connection.tag();
    let mut response = Some(credentials.initial_response());
    let mut command = format!("{tag} AUTHENTICATE {mechanism}");
    if connection.can("SASL-IR")
        && let Some(response) = response.take()
    {
        command = format!("{command} {response}");
    }
    connection.forget_capabilities();
    connection
        .send([Bytes::from(command + "\r\n")].into())
        .await?;
    loop {
        match connection.receive().await? {
            Response::Tagged { tag: ended, status } if ended == tag => return Ok(status),
            Response::Continue => {
                // A challenge after the response is XOAUTH2's way to say why it refuses; it wants an
                // empty answer before the refusal itself.
                let answer = response.take().unwrap_or_default();
                connection
                    .send([Bytes::from(answer + "\r\n")].into())
                    .await?;
            }
            _ => {}
        }
    }
}

async fn login(
    connection: &mut Connection,
    credentials: &Credentials,
) -> Result<Status, ImapError> {
    let tag = connection.tag();
    connection.forget_capabilities();
    let texts = [credentials.login.as_str(), credentials.password.expose()];
    let mut line = format!("{tag} LOGIN");
    for text in texts {
        if is_quotable(text) {
            line = format!("{line} {}", Quoted(text));
            continue;
        }
        let announced = format!("{line} {{{}}}\r\n", text.len());
        connection.send([Bytes::from(announced)].into()).await?;
        loop {
            match connection.receive().await? {
                Response::Tagged { tag: ended, status } if ended == tag => return Ok(status),
                Response::Continue => break,
                _ => {}
            }
        }
        text.clone_into(&mut line);
    }
    connection.send([Bytes::from(line + "\r\n")].into()).await?;
    loop {
        if let Response::Tagged { tag: ended, status } = connection.receive().await?
            && ended == tag
        {
            return Ok(status);
        }
    }
}

fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A quoted string of printable ASCII characters.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}
