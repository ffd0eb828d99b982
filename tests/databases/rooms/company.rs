//! A company that archives its rooms.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chatkeep_testkit::{
    SqlServer,
    mgc::Mgc,
    tds::{Options, Server},
};
use tokio::runtime::Runtime;

use crate::{
    real::Real,
    sandbox::{Mail, Outcome, Sandbox},
};

const DAY: i64 = 86_400;
/// What the database is called.
const DATABASE: &str = "mgc";

/// A chat server's database, and a company that archives it.
pub(super) struct Rooms {
    pub(super) mgc: Arc<Mgc>,
    pub(super) sandbox: Sandbox,
    pub(super) room: i32,
    pub(super) ann: i32,
    pub(super) bob: i32,
    // Before the runtime: it serves on it.
    pub(super) server: Server,
    /// Has the same database, and is asked instead of `server`.
    real: Option<Real>,
    _runtime: Runtime,
}

impl Rooms {
    /// Ann and Bob have a room, in which nothing was said yet.
    pub(super) fn new() -> Self {
        Self::with(None)
    }

    /// The same; on a real server, where there is one.
    pub(super) fn anywhere() -> Self {
        Self::with(Real::named())
    }

    fn with(real: Option<Real>) -> Self {
        let mgc = Arc::new(Mgc::default());
        let database: Arc<Mgc> = Arc::clone(&mgc);
        let runtime = Runtime::new().unwrap();
        let options = Options {
            databases: vec![DATABASE.to_owned()],
            ..Options::default()
        };
        let server = runtime.block_on(Server::start(options, database));
        let rooms = Self {
            room: mgc.room("Project X"),
            ann: mgc.person("sip:Ann@Contoso.com", "Ann Archer", Some("ann@contoso.com")),
            bob: mgc.person("sip:bob@contoso.com", "Bob Baker", None),
            mgc,
            sandbox: Sandbox::new(),
            server,
            real,
            _runtime: runtime,
        };
        let server = rooms.real.as_ref().map(|real| &real.server);
        let login = server.map_or(("chatkeep", "secret\n"), |server| {
            (&server.user, &server.password)
        });
        rooms.sandbox.write("login/user", login.0);
        rooms.sandbox.write("login/password", login.1);
        rooms.write_connector("");
        rooms
    }

    /// Writes the connector file, with more keys of the source.
    pub(super) fn write_connector(&self, keys: &str) {
        let server = if let Some(real) = &self.real {
            let SqlServer { host, port, .. } = &real.server;
            let database = real.name(DATABASE);
            format!("server = '{host}'\nport = {port}\ndatabase = '{database}'\ntls = 'trust'")
        } else {
            let port = self.server.port();
            format!("server = '127.0.0.1'\nport = {port}\ntls = 'none'")
        };
        let connector = format!(
            "name = 'Sandbox'\ndomain = 'contoso.com'\n\n\
             [[sources]]\ntype = 'persistent-chat-database'\n{server}\n\
             auth = {{ type = 'sql', user = 'file:login/user', password = 'file:login/password' }}\n\
             {keys}\n\
             [directory]\ntype = 'csv'\npath = 'directory.csv'\n\n\
             [target]\ntype = 'maildir'\npath = 'mailboxes'\n"
        );
        self.sandbox.write("connector.toml", connector);
    }

    /// Archives; both equations hold.
    pub(super) fn archive(&self) -> Outcome {
        self.archive_with(&[])
    }

    /// With more arguments.
    pub(super) fn archive_with(&self, arguments: &[&str]) -> Outcome {
        self.fill();
        let outcome = self.sandbox.archive_with(arguments);
        assert!(outcome.report.is_object(), "{outcome:?}");
        outcome.assert_closed();
        outcome
    }

    /// Lets a real server have what the database has now.
    pub(super) fn fill(&self) {
        if let Some(real) = &self.real {
            real.refill(DATABASE, &self.mgc.script());
        }
    }

    /// The mail in Ann's mailbox that is not among these.
    pub(super) fn new_mail(&self, before: &[Mail]) -> Mail {
        let mut mails = self.sandbox.mails("ann@contoso.com");
        mails.retain(|mail| !before.contains(mail));
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }
}

/// Eight o'clock in the morning, so many days ago: Unix seconds.
pub(super) fn morning(days_ago: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let today = i64::try_from(now.as_secs()).unwrap() / DAY;
    (today - days_ago) * DAY + 8 * 3_600
}
