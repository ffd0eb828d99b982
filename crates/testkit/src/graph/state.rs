use std::collections::{HashMap, HashSet};

use super::{
    Contact, Counts, Quirk, call::Reply, mailbox::Mailbox, people::People, permissions,
    server::Recorded, throttle::Throttles, uploads::Session,
};

/// Everything that changes in a tenant.
#[derive(Debug, Default)]
pub(super) struct State {
    /// `http://127.0.0.1:port/v1.0`
    pub(super) endpoint: String,
    pub(super) page: usize,
    pub(super) changes_are_minimal: bool,
    pub(super) quirks: Vec<Quirk>,
    pub(super) people: People,
    /// By the id of the user. They are made when somebody asks for them.
    pub(super) mailboxes: HashMap<String, Mailbox>,
    /// Mailboxes that the application may not use.
    pub(super) denied: HashSet<String>,
    pub(super) throttles: Throttles,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) counts: Counts,
    pub(super) recorded: Vec<Recorded>,
    pub(super) next: u64,
}

impl State {
    /// A number that was not given out before.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether it does something otherwise.
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// The user with this id, as a sender.
    pub(super) fn contact(&self, owner: &str) -> Contact {
        let user = self.people.users.get(owner);
        let address = user.map_or("", |user| &user.person.principal_name);
        Contact {
            name: address.to_owned(),
            address: address.to_owned(),
        }
    }

    /// The id of the user whose mailbox a request is for.
    ///
    /// The path takes an id or a principal name and no other address ("Get a user"); without a mailbox
    /// in Exchange Online it is `MailboxNotEnabledForRESTAPI`.
    pub(super) fn owner(&self, name: &str) -> Result<String, Reply> {
        let id = self.people.find(name);
        let user = id.and_then(|id| Some((id, self.people.users.get(id)?)));
        let (id, user) = user.ok_or_else(|| {
            let message = format!("The requested user '{name}' is invalid.");
            if self.has(Quirk::RefusesAliasesOtherwise) {
                return Reply::error(400, "ErrorInvalidMailboxName", &message);
            }
            Reply::error(404, "ErrorInvalidUser", &message)
        })?;
        if self.denied.contains(id) {
            return Err(permissions::denied());
        }
        if !user.person.has_mailbox {
            let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.";
            return Err(Reply::error(404, "MailboxNotEnabledForRESTAPI", message));
        }
        Ok(id.to_owned())
    }

    /// The mailbox of the user with this id.
    pub(super) fn mailbox(&mut self, owner: &str) -> &mut Mailbox {
        let mailbox = self.mailboxes.entry(owner.to_owned());
        mailbox.or_insert_with(|| Mailbox::new(owner))
    }
}
