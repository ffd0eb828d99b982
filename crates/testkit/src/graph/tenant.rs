use std::{fs, net::Ipv4Addr, path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    Counts, Faults, Options, Person, Recorded, StoredMessage,
    server::{Shared, accept},
};
use crate::LabError;

/// A running tenant, on the loopback interface. It stops when it is dropped.
///
/// Methods that name a user panic where there is none: the test is wrong then.
#[derive(Debug)]
pub struct Tenant {
    shared: Arc<Shared>,
    port: u16,
    folder: TempDir,
    _tasks: JoinSet<()>,
}

impl Tenant {
    /// Its id.
    pub const ID: &str = "11111111-2222-3333-4444-555555555555";
    /// The id of its only application.
    pub const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
    /// The secret of the application.
    pub const SECRET: &str = "an application's secret";
    /// The token of the service account that the application trusts.
    pub const SERVICE_ACCOUNT: &str = "a service account's token";

    /// Starts a tenant without users.
    ///
    /// # Panics
    ///
    /// Where no port is free: there is no test without one.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub async fn start(options: Options) -> Self {
        Self::try_start(options).await.expect("the tenant starts")
    }

    async fn try_start(options: Options) -> Result<Self, LabError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(LabError::Setup)?;
        let port = listener.local_addr().map_err(LabError::Setup)?.port();
        let shared = Shared::new(options, &format!("http://127.0.0.1:{port}"));
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            port,
            folder: TempDir::new().map_err(LabError::Setup)?,
            _tasks: tasks,
        })
    }

    /// Where Graph is.
    pub fn endpoint(&self) -> String {
        format!("{}/v1.0", self.authority())
    }

    /// Where tokens come from.
    pub fn authority(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A PEM file with the application's certificate and its key.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub fn certificate(&self) -> PathBuf {
        let file = self.folder.path().join("certificate.pem");
        let pem = &self.shared.sign_in.certificate().pem;
        fs::write(&file, pem).expect("the certificate is written");
        file
    }

    /// A file with the application's secret.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub fn secret_file(&self) -> PathBuf {
        let file = self.folder.path().join("secret");
        fs::write(&file, Self::SECRET).expect("the secret is written");
        file
    }

    /// The `auth` of a connector file that signs in here, with the secret.
    pub fn auth(&self) -> String {
        format!(
            "{{ tenant = \"{}\", client = \"{}\", secret = \"file:{}\", authority = \"{}\" }}",
            Self::ID,
            Self::CLIENT,
            self.secret_file().display(),
            self.authority()
        )
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The requests it got so far.
    pub fn counts(&self) -> Counts {
        self.shared.state().counts.clone()
    }

    /// The bodies it got and sent so far, where [`Options::records_bodies`] is set.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.shared.state().recorded.clone()
    }

    /// Ends every token it gave out.
    pub fn revoke_tokens(&self) {
        self.shared.sign_in.revoke();
    }

    /// Adds a user and returns the id.
    pub fn add(&self, person: Person) -> String {
        self.shared.state().people.add(person)
    }

    /// Changes a user, found by principal name or id.
    pub fn change(&self, user: &str, change: impl FnOnce(&mut Person)) {
        let is_there = self.shared.state().people.change(user, change);
        assert!(is_there, "there is no such user");
    }

    /// Removes a user; for good, or so that it can be restored for 30 days.
    pub fn remove(&self, user: &str, for_good: bool) {
        let is_there = self.shared.state().people.remove(user, for_good);
        assert!(is_there, "there is no such user");
    }

    /// Lets the tokens of changes end that were given out so far.
    pub fn expire_delta_tokens(&self) {
        let mut state = self.shared.state();
        state.people.version += 1;
        state.people.oldest = state.people.version;
    }

    /// The messages of a user's mailbox, in the order they were stored.
    pub fn messages(&self, user: &str) -> Vec<StoredMessage> {
        self.with_mailbox(user, |mailbox| {
            let messages = mailbox.messages.values().cloned();
            let messages = messages.map(|message| StoredMessage {
                folder: mailbox.path(&message.parent),
                ..message
            });
            messages.collect()
        })
    }

    /// The paths of the folders of a user's mailbox.
    pub fn folders(&self, user: &str) -> Vec<String> {
        self.with_mailbox(user, |mailbox| {
            let folders = mailbox.folders.iter();
            folders.map(|folder| mailbox.path(&folder.id)).collect()
        })
    }

    /// Deletes a folder by its path, with everything in it, as its user may.
    pub fn delete_folder(&self, user: &str, path: &str) {
        self.with_mailbox(user, |mailbox| {
            let mut folders = mailbox.folders.iter();
            let folder = folders.find(|folder| mailbox.path(&folder.id) == path);
            let folder = folder.map(|folder| folder.id.clone());
            mailbox.remove_folder(&folder.unwrap_or_default());
        });
    }

    /// Deletes messages for good that a user does not want.
    pub fn delete_messages(&self, user: &str, is_unwanted: impl Fn(&StoredMessage) -> bool) {
        self.with_mailbox(user, |mailbox| {
            mailbox.messages.retain(|_, message| !is_unwanted(message));
        });
    }

    /// Leaves room for so many bytes in a user's mailbox; `None` is as many as come.
    pub fn set_room(&self, user: &str, bytes: Option<usize>) {
        self.with_mailbox(user, |mailbox| mailbox.room = bytes);
    }

    /// Takes a user's mailbox out of the application's scope, or puts it back.
    pub fn deny(&self, user: &str, is_denied: bool) {
        let mut state = self.shared.state();
        let id = state.people.find(user).map(str::to_owned);
        let id = id.unwrap_or_default();
        if is_denied {
            state.denied.insert(id);
        } else {
            state.denied.remove(&id);
        }
    }

    fn with_mailbox<T>(
        &self,
        user: &str,
        act: impl FnOnce(&mut super::mailbox::Mailbox) -> T,
    ) -> T {
        let mut state = self.shared.state();
        let id = state.people.find(user).map(str::to_owned);
        assert!(id.is_some(), "there is no such user");
        act(state.mailbox(&id.unwrap_or_default()))
    }
}
