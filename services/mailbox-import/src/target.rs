//! What all targets have in common: mailboxes that take messages and can be asked what they hold.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chatkeep_model::{connector, identity};
use sha2::{Digest as _, Sha256};

use crate::{
    discard::Discard, ews::EwsTarget, graph::GraphTarget, imap::ImapTarget, maildir::MaildirTarget,
};

pub use crate::graph::Tenants;

/// Any error that can cross threads.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A place with mailboxes.
#[async_trait]
pub trait Target: Send + Sync {
    /// Opens the folder of one mailbox, making it where it is missing.
    async fn open(&self, mailbox: &str) -> Result<Box<dyn Mailbox>, TargetError>;

    /// Whether messages sent by a holder of the lease that is gone may still arrive. False where a lock
    /// of the target itself orders the writers.
    fn needs_fence(&self) -> bool;
}

/// The open folder of one mailbox. Only one at a time is open per mailbox and process.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// Where the next message will stand: everything appended from now on is found from here.
    fn position(&self) -> Position;

    /// Stores messages, all of them marked as read. Says of each what became of it, also when it stops
    /// half-way. `gate` is asked right before bytes go out that make a message stand.
    async fn append(&mut self, messages: &[Message], gate: &dyn Gate) -> Appended;

    /// Messages with a Message-ID from `since` on, in the order they came. The whole folder where
    /// `since` is not known or the folder is another one by now.
    async fn list(&mut self, since: Position) -> Result<Vec<Copy>, TargetError>;

    /// Whether nobody else can have added a message since the folder was opened, as far as the target
    /// has proved: then there is nothing to look for.
    fn is_proven_clean(&self) -> bool;

    /// Reads one message back.
    async fn read(&mut self, copy: &Copy) -> Result<Stored, TargetError>;

    /// Removes messages for good.
    async fn remove(&mut self, copies: &[Copy]) -> Result<(), TargetError>;

    /// Ends the session.
    async fn close(self: Box<Self>);
}

/// Asked before bytes go out that cannot be taken back.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Lets this process send; fails with [`TargetError::Fenced`] or [`TargetError::Lapsed`].
    async fn pass(&self) -> Result<(), TargetError>;
}

/// A gate that is always open: for what has no lease.
#[derive(Clone, Copy, Debug)]
pub struct OpenGate;

#[async_trait]
impl Gate for OpenGate {
    async fn pass(&self) -> Result<(), TargetError> {
        Ok(())
    }
}

/// A place in a folder: UIDVALIDITY and UIDNEXT, zero where not known. A folder without UIDs has a hash of
/// its id and the server's time instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Which folder under this name.
    pub uid_validity: u32,
    /// UID that the next message will have at least, or the time before which it will not be created,
    /// Unix seconds.
    pub uid_next: u32,
}

/// A message to store.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its Message-ID, with angle brackets.
    pub id: String,
    /// The received date it gets, Unix seconds.
    pub date: i64,
    /// All of it, lines ended by CRLF.
    pub bytes: Bytes,
}

/// A message that stands in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// How the target names it.
    pub key: CopyKey,
    /// Its Message-ID, with angle brackets.
    pub id: String,
    /// False where some of it did not arrive: it does not count, and is removed by whoever may send it
    /// again.
    pub is_whole: bool,
}

/// How a target names a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyKey {
    /// By an id of the server.
    Id(String),
    /// By UID.
    Uid(u32),
    /// By file name, relative to the folder.
    File(String),
}

/// A message as the target gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// All of it that there is.
    pub content: Content,
    /// Its received date, Unix seconds.
    pub date: i64,
    /// Whether it is marked as read.
    pub seen: bool,
}

/// As much of a message as a target keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its bytes.
    Bytes(Bytes),
    /// Its fields: the target writes MIME anew each time.
    Fields {
        /// Digest over the fields as they are now.
        digest: [u8; 32],
        /// What was tied to the fields when they were sent.
        seal: Option<[u8; 32]>,
    },
}

impl Content {
    /// Whether it is what was rendered, with this SHA-256 over all bytes.
    pub fn is(&self, sha256: &[u8; 32]) -> bool {
        match self {
            Self::Bytes(bytes) => Sha256::digest(bytes).as_slice() == sha256,
            Self::Fields {
                digest,
                seal: found,
            } => *found == Some(seal(sha256, digest)),
        }
    }
}

/// Ties the fields of a message, by their digest, to the bytes they were made of. Who changes what stands
/// in a mailbox cannot make it: the SHA-256 stands in the ledger and its seals alone.
pub(crate) fn seal(sha256: &[u8; 32], fields: &[u8; 32]) -> [u8; 32] {
    let seal = identity::Fields::of("seal of fields");
    seal.bytes(sha256).bytes(fields).digest()
}

/// What became of a batch.
#[derive(Debug)]
pub struct Appended {
    /// One for each message, in order.
    pub outcomes: Vec<Outcome>,
    /// Why the target stopped before the end.
    pub stopped: Option<TargetError>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in the folder, by this call.
    Stored,
    /// It stood there before.
    AlreadyThere,
    /// It was refused for good, and alone.
    Refused(Refusal),
    /// Nothing of it was kept.
    NotStored,
    /// It was on its way when the answer was lost.
    Unknown,
}

/// Why a message was refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The mailbox is full.
    Quota,
    /// The server takes no message of this size.
    TooLarge,
    /// The server gives another reason.
    Item,
}

impl Refusal {
    /// The reason as the ledger and the log show it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Quota => "mailbox over quota",
            Self::TooLarge => "item too large for the mailbox",
            Self::Item => "item refused by the mailbox",
        }
    }
}

/// Why a target could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Settings of the connector that cannot work, e.g. a secret or CA file that cannot be read.
    #[error("set up target")]
    Setup {
        /// What is wrong.
        source: BoxError,
    },
    /// The target is down, or not where the connector says.
    #[error("reach target")]
    Unreachable {
        /// The reason.
        source: BoxError,
    },
    /// The mailbox cannot be used now.
    #[error("use mailbox: try again in {} s", after.as_secs())]
    Busy {
        /// How long to leave it alone.
        after: Duration,
    },
    /// The target does not let us into this mailbox.
    #[error("sign in")]
    Login {
        /// The server's answer, without its text.
        source: BoxError,
    },
    /// Exchange Online takes the application's token, and has no mailbox for it.
    #[error(
        "open mailbox: signed in, but not connected; let IMAP in (Set-CASMailbox -Identity MAILBOX \
         -ImapEnabled $true) and the application (Add-MailboxPermission -Identity MAILBOX -User \
         APPLICATION -AccessRights FullAccess)"
    )]
    NotConnected {
        /// The server's answer, without its text.
        source: BoxError,
    },
    /// There is no such mailbox, or not there.
    #[error("find mailbox")]
    NoMailbox,
    /// The folder cannot be made or opened.
    #[error("open folder")]
    Folder {
        /// The reason.
        source: BoxError,
    },
    /// The connection broke off, or the target does not speak its protocol.
    #[error("keep connection")]
    Lost {
        /// The reason.
        source: BoxError,
    },
    /// The gate was closed: another process holds the lease.
    #[error("keep lease")]
    Fenced,
    /// The gate was closed: the lease has ended, and could not be renewed. Nobody else may have it.
    #[error("renew lease")]
    Lapsed {
        /// The reason.
        source: BoxError,
    },
}

/// Makes the target of a connector. What may be sent to one of `tenants` at a time is shared by all
/// targets that were made with them.
pub fn open_target(
    connector: &connector::Connector,
    timeouts: Timeouts,
    tenants: &Tenants,
) -> Result<Arc<dyn Target>, TargetError> {
    Ok(match &connector.target {
        connector::Target::Maildir(settings) => {
            Arc::new(MaildirTarget::new(settings, &connector.domain)?)
        }
        connector::Target::Imap(settings) => Arc::new(ImapTarget::new(settings, timeouts)?),
        connector::Target::Graph(settings) => {
            let class = &connector.item.class;
            Arc::new(GraphTarget::new(settings, class, timeouts, tenants)?)
        }
        connector::Target::Ews(settings) => {
            let class = &connector.item.class;
            Arc::new(EwsTarget::new(settings, class, timeouts, tenants)?)
        }
        connector::Target::Discard { .. } => Arc::new(Discard),
    })
}

/// How long to wait for a server.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, and for the server to take bytes. As long a request of Microsoft Graph without an
    /// answer may still be carried out.
    pub answer: Duration,
}
