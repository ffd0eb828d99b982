//! A company whose users are in a tenant.

use chatkeep_testkit::graph::{Options, Person, Tenant};
use tokio::runtime::Runtime;

use crate::sandbox::Sandbox;

/// A tenant, and what archives for its users.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) tenant: Tenant,
    _runtime: Runtime,
}

impl World {
    /// With Ann and Bob.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = Runtime::new().unwrap();
        let tenant = runtime.block_on(Tenant::start(options));
        for user in ["ann@contoso.com", "bob@contoso.com"] {
            tenant.add(Person::new(user));
        }
        let sandbox = Sandbox::new();
        let directory = format!(
            "type = \"graph\"\nendpoint = \"{}\"\nauth = {}",
            tenant.endpoint(),
            tenant.auth()
        );
        sandbox.edit_connector("type = \"csv\"\npath = \"directory.csv\"", &directory);
        Self {
            sandbox,
            tenant,
            _runtime: runtime,
        }
    }

    /// Mailboxes with the number of mails in them.
    pub(crate) fn mails(&self) -> Vec<(String, usize)> {
        let mails = self.sandbox.all_mails().into_iter();
        mails.map(|(name, mails)| (name, mails.len())).collect()
    }
}
