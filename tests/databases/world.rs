//! A company whose conversations are in databases, archived by the real program.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use chatkeep_testkit::{
    lcscdr::LcsCdr,
    lcslog::{Conference, ConferenceMessage, Layout, LcsLog, Message, Session, body},
    tds::{DateTime, Options, Server, Several},
};
use tokio::runtime::Runtime;

use crate::sandbox::{Mail, Outcome, Sandbox};

/// 2025-03-10, 08:00 UTC, in Unix seconds.
pub(crate) const MORNING: i64 = 1_741_593_600;

/// Databases on servers of their own, and what archives them.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) pools: Vec<Pool>,
    runtime: Runtime,
}

/// A database and its server.
pub(crate) struct Pool {
    pub(crate) database: Arc<LcsLog>,
    /// The call detail records beside it, on the same server.
    pub(crate) details: Arc<LcsCdr>,
    pub(crate) server: Server,
    /// Numbers its rows.
    next: AtomicI32,
}

const HEAD: &str = r#"name = "Sandbox"
domain = "contoso.com"

"#;
const TAIL: &str = r#"
[directory]
type = "csv"
path = "directory.csv"

[target]
type = "maildir"
path = "mailboxes"
"#;

impl World {
    /// So many pools.
    pub(crate) fn new(pools: u8) -> Self {
        Self::with_options(pools, &Options::default())
    }

    /// One pool, whose database has this layout.
    pub(crate) fn with_layout(layout: Layout) -> Self {
        Self::with(1, &Options::default(), layout)
    }

    /// Pools with servers that are different.
    pub(crate) fn with_options(pools: u8, options: &Options) -> Self {
        Self::with(pools, options, Layout::default())
    }

    fn with(pools: u8, options: &Options, layout: Layout) -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = Sandbox::new();
        sandbox.write("user", "chatkeep\n");
        sandbox.write("password", "secret\n");
        let pools = (1..=pools).map(|guid| {
            let database = Arc::new(LcsLog::new(layout));
            database.set_identity(Some([guid; 16]), DateTime::default());
            // Ahead of us: what is read ends with our own time.
            database.set_now(DateTime {
                days: 60_000,
                ticks: 0,
            });
            database.content_type("text/plain");
            let details = Arc::<LcsCdr>::default();
            let served = Several::of([
                ("LcsLog", Arc::<LcsLog>::clone(&database) as _),
                ("LcsCDR", Arc::<LcsCdr>::clone(&details) as _),
            ]);
            Pool {
                server: runtime.block_on(Server::start(options.clone(), Arc::new(served))),
                database,
                details,
                next: AtomicI32::new(1),
            }
        });
        let world = Self {
            pools: pools.collect(),
            sandbox,
            runtime,
        };
        world.connect("tls = \"none\"\n");
        world
    }

    /// Starts another server with the database of a pool.
    pub(crate) fn another_server(&self, pool: usize, options: Options) -> Server {
        let served: Arc<LcsLog> = Arc::clone(&self.pools[pool].database);
        self.runtime.block_on(Server::start(options, served))
    }

    /// Writes the connector file: a source for each pool, with these keys.
    pub(crate) fn connect(&self, keys: &str) {
        let source = |pool: &Pool| {
            let port = pool.server.port();
            format!("server = \"127.0.0.1\"\nport = {port}\n{keys}")
        };
        let sources: Vec<_> = self.pools.iter().map(source).collect();
        self.write_connector(&sources);
    }

    /// Writes the connector file with the keys of its sources.
    pub(crate) fn write_connector(&self, sources: &[String]) {
        let source = |keys: &String| {
            let auth = r#"auth = { type = "sql", user = "file:user", password = "file:password" }"#;
            format!("[[sources]]\ntype = \"archiving-database\"\n{auth}\n{keys}\n")
        };
        let sources: Vec<_> = sources.iter().map(source).collect();
        let file = [HEAD, &sources.concat(), TAIL].concat();
        self.sandbox.write("connector.toml", file);
    }

    pub(crate) fn archive(&self) -> Outcome {
        self.sandbox.archive()
    }

    /// Archives and expects that it adds up, with nothing that anybody must look at.
    pub(crate) fn archive_all(&self) -> Outcome {
        let outcome = self.archive();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.assert_closed();
        outcome
    }

    /// How often words stand in somebody's mailbox.
    pub(crate) fn how_often(&self, mailbox: &str, words: &str) -> usize {
        let mails = self.sandbox.mails(mailbox);
        mails
            .iter()
            .map(|mail| mail.text().matches(words).count())
            .sum()
    }

    pub(crate) fn mails(&self) -> BTreeMap<String, Vec<Mail>> {
        self.sandbox.all_mails()
    }

    /// Ann and Bob in one pool's database: `(second, sender, text)`.
    pub(crate) fn chat(&self, pool: usize, session: i64, lines: &[(i64, &str, &str)]) {
        for (second, sender, text) in lines {
            let message = self.message(pool, session, (*second, sender, text));
            self.pools[pool].database.add(message);
        }
    }

    /// A message of Ann's or Bob's to the other one, with a number of its own.
    pub(crate) fn message(
        &self,
        pool: usize,
        session: i64,
        (second, sender, text): (i64, &str, &str),
    ) -> Message {
        let Pool { database, next, .. } = &self.pools[pool];
        let other = if sender == "ann" { "bob" } else { "ann" };
        Message {
            time: time(second),
            seq: next.fetch_add(1, Ordering::Relaxed),
            session: session_of(session),
            from: database.user(&address(sender)),
            to: database.user(&address(other)),
            content_type: 1,
            body: body(text),
            toast: false,
        }
    }

    /// A conference in the first pool's database: `(second, sender, text, others)`.
    pub(crate) fn meeting(&self, session: i64, lines: &[(i64, &str, &str, &[&str])]) {
        let Pool { database, next, .. } = &self.pools[0];
        database.add_conference(Conference {
            session: session_of(session),
            uri: Some(format!(
                "sip:ann@contoso.com;gruu;opaque=app:conf:chat:id:{session}"
            )),
            start: None,
            end: None,
            organizer: Some(database.user(&address("ann"))),
        });
        for (second, sender, text, others) in lines {
            let recipients = others.iter().map(|other| database.user(&address(other)));
            database.add_conference_message(ConferenceMessage {
                id: next.fetch_add(1, Ordering::Relaxed).into(),
                time: time(*second),
                session: session_of(session),
                from: database.user(&address(sender)),
                content_type: 1,
                body: body(text),
                recipients: recipients.collect(),
            });
        }
    }
}

pub(crate) fn session_of(session: i64) -> Session {
    Session {
        time: time(session),
        seq: i32::try_from(session % 1_000).unwrap(),
    }
}

/// So many seconds after eight in the morning.
pub(crate) fn time(second: i64) -> DateTime {
    DateTime::from_unix_milliseconds((MORNING + second) * 1_000)
}

/// As `Users` has it: without `sip:`, in any case.
pub(crate) fn address(name: &str) -> String {
    format!("{}@Contoso.com", name.to_uppercase())
}
