//! Mailboxes of an Exchange Server, through Exchange Web Services ([MS-OXWSCORE], [MS-OXWSMSG]).

mod batches;
mod check;
mod client;
mod failure;
mod folder;
mod item;
mod listing;
mod mailbox;
mod property;
mod reading;
mod sending;
mod soap;
mod xml;

use std::sync::Arc;

use async_trait::async_trait;
use chatkeep_model::connector;

use self::{
    client::{Account, Client},
    mailbox::Folder,
};
use crate::{
    exchange::{Form, Marks, Stumbles, canary::Canary},
    target::{Mailbox, Target, TargetError, Tenants, Timeouts},
};

pub(crate) use self::check::check;

/// What is known of a server.
#[derive(Debug, Default)]
pub(crate) struct Server {
    canary: tokio::sync::Mutex<Canary>,
    stumbles: Stumbles,
}

/// The mailboxes of an Exchange Server.
pub(crate) struct EwsTarget {
    account: Arc<Account>,
    server: Arc<Server>,
    form: Arc<Form>,
}

impl EwsTarget {
    /// Reads the credential and the CA file. `class` is the item class of what is imported.
    pub(crate) fn new(
        settings: &connector::EwsTarget,
        class: &str,
        timeouts: Timeouts,
        tenants: &Tenants,
    ) -> Result<Self, TargetError> {
        Ok(Self {
            account: Arc::new(Account::new(settings, timeouts)?),
            server: tenants.server(&settings.url),
            form: Arc::new(Form {
                folder: settings.folder.clone(),
                marks: Marks {
                    class: class.to_owned(),
                    tag: settings.tag,
                },
                timeouts,
            }),
        })
    }

    /// Asks about one mailbox.
    fn client(&self, mailbox: &str) -> Client {
        Client::new(Arc::clone(&self.account), mailbox)
    }
}

#[async_trait]
impl Target for EwsTarget {
    async fn open(&self, mailbox: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        let (client, server) = (self.client(mailbox), Arc::clone(&self.server));
        let folder = Folder::open(client, server, Arc::clone(&self.form)).await?;
        Ok(Box::new(folder))
    }

    fn needs_fence(&self) -> bool {
        true
    }
}
