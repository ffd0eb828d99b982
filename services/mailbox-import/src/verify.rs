use std::collections::HashMap;

use chatkeep_model::connector::{self, Connector};

use crate::{
    Settings,
    target::{Copy, Position, TargetError, Tenants, open_target},
};

/// A message that should stand in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The mailbox's address.
    pub mailbox: String,
    /// The Message-ID, with angle brackets.
    pub message_id: String,
    /// SHA-256 over its bytes.
    pub sha256: [u8; 32],
}

/// Something in a mailbox that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It does not stand in the folder. Its owner may have moved or deleted it.
    Missing(Expected),
    /// Its bytes are others; where the target keeps none, its fields.
    Altered(Expected),
    /// It stands there so many times too often.
    Copies(Expected, usize),
    /// The mailbox lets nobody in: nothing in it was checked.
    Closed {
        /// The mailbox's address.
        mailbox: String,
        /// Messages that were not checked.
        messages: usize,
    },
}

/// Reads mailboxes again and compares. `expected` comes mailbox by mailbox; each is opened once and
/// held in memory one at a time. Returns how many messages were compared.
pub async fn verify(
    connector: &Connector,
    settings: &Settings,
    expected: impl IntoIterator<Item = Expected>,
    mut on: impl FnMut(Flaw),
) -> Result<u64, TargetError> {
    if matches!(connector.target, connector::Target::Discard { .. }) {
        let source = "a discarding target keeps nothing to compare with".into();
        return Err(TargetError::Setup { source });
    }
    let target = open_target(connector, settings.timeouts(), &Tenants::default())?;
    let mut compared = 0;
    let mut expected = expected.into_iter().peekable();
    while let Some(first) = expected.next() {
        let mailbox = first.mailbox.clone();
        let mut here = vec![first];
        while let Some(next) = expected.next_if(|next| next.mailbox == mailbox) {
            here.push(next);
        }
        let mut open = match target.open(&mailbox).await {
            Ok(open) => open,
            Err(
                TargetError::Login { .. } | TargetError::Folder { .. } | TargetError::NoMailbox,
            ) => {
                let messages = here.len();
                on(Flaw::Closed { mailbox, messages });
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut standing: HashMap<String, Vec<Copy>> = HashMap::new();
        let listed = open.list(Position::default()).await?;
        for copy in listed.into_iter().filter(|copy| copy.is_whole) {
            standing.entry(copy.id.clone()).or_default().push(copy);
        }
        for message in here {
            let Some(copies) = standing.get(&message.message_id) else {
                on(Flaw::Missing(message));
                continue;
            };
            let stored = open.read(&copies[0]).await?;
            compared += 1;
            if !stored.content.is(&message.sha256) {
                on(Flaw::Altered(message.clone()));
            }
            if copies.len() > 1 {
                on(Flaw::Copies(message, copies.len() - 1));
            }
        }
        open.close().await;
    }
    Ok(compared)
}
