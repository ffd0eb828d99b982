//! Maildir++ folders on a disk, laid out so that any IMAP server can serve the tree.

mod layout;
mod store;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chatkeep_model::connector;

use self::{
    layout::FolderName,
    store::{HeldElsewhere, Store},
};
use crate::target::{
    Appended, Copy, Gate, Mailbox, Message, Outcome, Position, Stored, Target, TargetError,
};

/// How long a mailbox is left alone that another process has held for too long.
const HELD_FOR: Duration = Duration::from_secs(30);

/// A folder of mailboxes.
pub(crate) struct MaildirTarget {
    root: Arc<Path>,
    folder: FolderName,
    domain: Arc<str>,
}

impl MaildirTarget {
    /// Messages of Message-IDs in `domain` go to and are found in this tree.
    pub(crate) fn new(
        settings: &connector::MaildirTarget,
        domain: &str,
    ) -> Result<Self, TargetError> {
        let folder = FolderName::of(&settings.folder);
        Ok(Self {
            root: settings.path.as_path().into(),
            folder: folder.map_err(|error| TargetError::Setup {
                source: error.into(),
            })?,
            domain: domain.into(),
        })
    }

    /// Where the folder of a mailbox is, whether it exists or not.
    pub(crate) fn path_of(&self, mailbox: &str) -> Result<PathBuf, TargetError> {
        let mailbox = layout::mailbox_folder(mailbox);
        let mailbox = mailbox.map_err(|error| TargetError::Folder {
            source: error.into(),
        })?;
        Ok(self.root.join(mailbox))
    }

    /// The folder of mailboxes.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

/// The tree of mailboxes cannot be used, e.g. because its disk is full. Does not name the mailbox.
#[derive(Debug, thiserror::Error)]
#[error("use the mailboxes in {root}")]
struct Unusable {
    root: PathBuf,
    source: io::Error,
}

fn unusable(root: &Path, source: io::Error) -> TargetError {
    // Others are not held up by it.
    if source
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<HeldElsewhere>)
    {
        return TargetError::Busy { after: HELD_FOR };
    }
    let root = root.to_owned();
    TargetError::Unreachable {
        source: Unusable { root, source }.into(),
    }
}

#[async_trait]
impl Target for MaildirTarget {
    async fn open(&self, mailbox: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        let path = self.path_of(mailbox)?;
        let folder = self.folder.clone();
        let domain = Arc::clone(&self.domain);
        let store = blocking(move || Store::open(&path, &folder, domain)).await;
        let store = store.map_err(|error| unusable(&self.root, error))?;
        Ok(Box::new(Maildir {
            root: Arc::clone(&self.root),
            store: Arc::new(store),
        }))
    }

    fn needs_fence(&self) -> bool {
        false
    }
}

/// The folder of one mailbox.
struct Maildir {
    root: Arc<Path>,
    store: Arc<Store>,
}

impl Maildir {
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
    ) -> Result<T, TargetError> {
        let store = Arc::clone(&self.store);
        let done = blocking(move || work(&store)).await;
        done.map_err(|error| unusable(&self.root, error))
    }
}

#[async_trait]
impl Mailbox for Maildir {
    /// A Maildir has no UIDs of its own; its file names say what stands in it.
    fn position(&self) -> Position {
        Position::default()
    }

    async fn append(&mut self, messages: &[Message], _gate: &dyn Gate) -> Appended {
        let batch = messages.to_vec();
        match self.with(move |store| store.append(&batch)).await {
            Ok(outcomes) => Appended {
                outcomes,
                stopped: None,
            },
            Err(error @ TargetError::Busy { .. }) => Appended {
                outcomes: vec![Outcome::NotStored; messages.len()],
                stopped: Some(error),
            },
            // What was linked before the error is found by name the next time.
            Err(error) => Appended {
                outcomes: vec![Outcome::Unknown; messages.len()],
                stopped: Some(error),
            },
        }
    }

    async fn list(&mut self, _since: Position) -> Result<Vec<Copy>, TargetError> {
        self.with(Store::list).await
    }

    /// File names are the Message-IDs: a second copy has no name to stand under.
    fn is_proven_clean(&self) -> bool {
        true
    }

    async fn read(&mut self, copy: &Copy) -> Result<Stored, TargetError> {
        let copy = copy.clone();
        self.with(move |store| store.read(&copy)).await
    }

    async fn remove(&mut self, copies: &[Copy]) -> Result<(), TargetError> {
        let copies = copies.to_vec();
        self.with(move |store| store.remove(&copies)).await
    }

    async fn close(self: Box<Self>) {}
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down: nobody waits for the answer.
            Err(_) => Err(io::ErrorKind::Interrupted.into()),
        },
    }
}
