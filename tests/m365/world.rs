//! A company that archives into Exchange.

use std::{collections::BTreeSet, process::Command};

use chatkeep_testkit::{
    ews::ExchangeServer,
    graph::{Options, Person, StoredMessage, Tenant, property_id},
};
use tokio::{runtime::Handle, task::block_in_place};

use crate::sandbox::{Outcome, Sandbox, session_at};

const FOLDER: &str = "Inbox/Skype for Business";
const CLASS: &str = "IPM.Note.SkypeForBusiness.Conversation";
/// 2026-09-14, 08:00 UTC, in Unix seconds.
const MORNING: i64 = 1_789_372_800;
/// Everybody has had so many conversations.
pub(crate) const EACH: usize = 25;

/// Users who have talked to each other, and a connector for them.
pub(crate) struct Company {
    pub(crate) sandbox: Sandbox,
    users: usize,
}

/// A company and its tenant.
pub(crate) struct World {
    pub(crate) company: Company,
    pub(crate) tenant: Tenant,
}

/// A company and its Exchange Server.
pub(crate) struct Site {
    pub(crate) company: Company,
    server: ExchangeServer,
}

impl World {
    /// An even number of users, more than twice [`EACH`].
    pub(crate) fn of(users: usize) -> Self {
        let tenant =
            block_in_place(|| Handle::current().block_on(Tenant::start(Options::default())));
        let target = format!(
            "[target]\ntype = \"graph\"\nendpoint = \"{}\"\nauth = {}\n",
            tenant.endpoint(),
            tenant.auth()
        );
        for user in 0..users {
            tenant.add(Person::new(&address(user)));
        }
        Self {
            company: Company::of(users, &target),
            tenant,
        }
    }

    /// Asserts that every mailbox holds every item once, as it should look.
    pub(crate) fn assert_archived(&self) {
        for user in 0..self.company.users {
            let address = address(user);
            let messages = self.tenant.messages(&address);
            let ids: BTreeSet<_> = messages.iter().map(|message| &message.message_id).collect();
            assert_eq!((messages.len(), ids.len()), (EACH, EACH), "{address}");
            for message in &messages {
                assert_looks_right(message, &address);
            }
        }
    }
}

impl Site {
    /// An even number of users, more than twice [`EACH`].
    pub(crate) fn of(users: usize) -> Self {
        let server = block_in_place(|| Handle::current().block_on(ExchangeServer::start()));
        for user in 0..users {
            server.add(&address(user));
        }
        Self {
            company: Company::of(users, &format!("[target]\n{}\n", server.target())),
            server,
        }
    }

    /// Asserts that every mailbox holds every item once, no draft and with its class.
    pub(crate) fn assert_archived(&self) {
        for user in 0..self.company.users {
            let address = address(user);
            let items = self.server.items(&address);
            let keys: BTreeSet<_> = items
                .iter()
                .map(|item| &item.properties["ChatkeepKey"])
                .collect();
            assert_eq!((items.len(), keys.len()), (EACH, EACH), "{address}");
            for item in &items {
                assert_eq!((&*item.folder, &*item.class), (FOLDER, CLASS));
                assert!(!item.is_draft && item.is_read);
            }
        }
    }
}

impl Company {
    fn of(users: usize, target: &str) -> Self {
        let sandbox = Sandbox::into_target(target);
        let mut directory =
            "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n".to_owned();
        for user in 0..users {
            let address = address(user);
            directory.push_str(&format!(
                "{address},{address},{address},SMTP:{address},sip:{address}\n"
            ));
        }
        sandbox.write("directory.csv", directory);
        let company = Self { sandbox, users };
        company.talk();
        company
    }

    /// Everybody calls the next twelve, and half of all somebody far away.
    fn talk(&self) {
        for user in 0..self.users {
            for step in 1..=EACH / 2 {
                self.session(user, (user + step) % self.users, step);
            }
            if user < self.users / 2 {
                self.session(user, user + self.users / 2, 0);
            }
        }
    }

    fn session(&self, one: usize, other: usize, minute: usize) {
        let (one, other) = (address(one), address(other));
        let lines = [
            (one.as_str(), "Hello?"),
            (other.as_str(), "Here I am & listen."),
        ];
        let text = session_at(minute, &one, &other, &lines);
        self.sandbox
            .write(&format!("exports/{one}-{other}.eml"), text);
    }

    /// Everything that should arrive.
    pub(crate) fn deliveries(&self) -> usize {
        self.users * EACH
    }

    /// The program, with settings for a tenant that fails often and answers at once.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command.env("CHATKEEP__MAILBOX_IMPORT__ANSWER_TIMEOUT", "2s");
        command
    }

    /// `chatkeep archive`.
    pub(crate) fn archive(&self) -> Outcome {
        let arguments = ["archive", "connector.toml", "--report", "report.json"];
        let mut command = self.command(&arguments);
        block_in_place(|| self.sandbox.archive_by(&mut command))
    }
}

fn assert_looks_right(message: &StoredMessage, owner: &str) {
    assert_eq!(message.folder, FOLDER);
    assert!(!message.is_draft && message.is_read);
    assert_eq!(message.class, CLASS);
    let minute = (message.received - MORNING) / 60;
    assert!(
        (0..=12).contains(&minute) && message.received % 60 == 0,
        "{}",
        message.received
    );
    assert_eq!(message.sent, message.received);
    let email = property_id("String {00020329-0000-0000-C000-000000000046} Name Email");
    let email: BTreeSet<_> = message.properties[&email].split(';').collect();
    let from = message.from.as_ref().unwrap().address.as_str();
    let to = message.to[0].address.as_str();
    assert!(email.contains(owner), "{owner}");
    assert_eq!(email, BTreeSet::from([from, to]));
    assert!(message.body.contains("Here I am &amp; listen."));
}

fn address(user: usize) -> String {
    format!("user{user:04}@contoso.com")
}
