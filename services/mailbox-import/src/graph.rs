//! Mailboxes of Exchange Online, through Microsoft Graph.

mod budget;
mod check;
mod client;
mod folder;
mod item;
mod listing;
mod mailbox;
mod property;
mod reading;
mod sending;
mod tenant;
mod trial;
mod trouble;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;
use chatkeep_microsoft365::{self as microsoft365, AuthError, Graph};
use chatkeep_model::connector;

use self::{client::Client, mailbox::Folder, tenant::Tenant};
use crate::{
    exchange::{Form, Marks},
    target::{Mailbox, Target, TargetError, Timeouts},
};

pub use self::tenant::Tenants;
pub(crate) use self::{check::check, trial::trial};

/// The mailboxes of a tenant.
pub(crate) struct GraphTarget {
    graph: Graph,
    tenant: Arc<Tenant>,
    form: Arc<Form>,
}

impl GraphTarget {
    /// Reads the credential. `class` is the item class of what is imported.
    pub(crate) fn new(
        settings: &connector::GraphTarget,
        class: &str,
        timeouts: Timeouts,
        tenants: &Tenants,
    ) -> Result<Self, TargetError> {
        let patience = microsoft365::Timeouts {
            connect: timeouts.connect,
            answer: timeouts.answer,
        };
        let graph = microsoft365::connect(&settings.auth, &settings.endpoint, patience);
        let graph = graph.map_err(|source: AuthError| TargetError::Setup {
            source: source.into(),
        })?;
        Ok(Self {
            graph,
            tenant: tenants.of(&settings.auth),
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
        Client::new(self.graph.clone(), Arc::clone(&self.tenant), mailbox)
    }
}

#[async_trait]
impl Target for GraphTarget {
    async fn open(&self, mailbox: &str) -> Result<Box<dyn Mailbox>, TargetError> {
        let folder = Folder::open(self.client(mailbox), Arc::clone(&self.form)).await?;
        Ok(Box::new(folder))
    }

    fn needs_fence(&self) -> bool {
        true
    }
}
