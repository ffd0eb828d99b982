//! A company whose conversations are in databases, archived by the real program.

mod rows;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicI32},
};

use chatkeep_testkit::{
    SqlServer,
    lcscdr::LcsCdr,
    lcslog::{Layout, LcsLog},
    tds::{DateTime, Options, Server, Several},
};
use tokio::runtime::Runtime;

pub(crate) use self::rows::{address, session_of, time};
use crate::{
    real::Real,
    sandbox::{Mail, Outcome, Sandbox},
};

/// 2025-03-10, 08:00 UTC, in Unix seconds.
pub(crate) const MORNING: i64 = 1_741_593_600;

/// Databases on servers of their own, and what archives them.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) pools: Vec<Pool>,
    /// Has the same databases, and is asked instead of the pools' servers.
    real: Option<Real>,
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

/// What a pool's databases are called on a real server, before its number.
const ARCHIVE: &str = "LcsLog";
const DETAILS: &str = "LcsCDR";

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

    /// So many pools; on a real server, where there is one. Nothing can be asked of their own servers then,
    /// and rows that are added while a run reads are not there.
    pub(crate) fn anywhere(pools: u8) -> Self {
        Self::with(
            (pools, &Options::default()),
            Layout::default(),
            Real::named(),
        )
    }

    /// One pool, whose database has this layout.
    pub(crate) fn with_layout(layout: Layout) -> Self {
        Self::with((1, &Options::default()), layout, None)
    }

    /// Pools with servers that are different.
    pub(crate) fn with_options(pools: u8, options: &Options) -> Self {
        Self::with((pools, options), Layout::default(), None)
    }

    fn with((pools, options): (u8, &Options), layout: Layout, real: Option<Real>) -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = Sandbox::new();
        let login = real.as_ref().map_or(("chatkeep", "secret"), |real| {
            (&real.server.user, &real.server.password)
        });
        sandbox.write("user", login.0);
        sandbox.write("password", login.1);
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
            real,
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
        let source = |(number, pool): (usize, &Pool)| {
            if let Some(real) = &self.real {
                return of_real(real, number, keys);
            }
            let port = pool.server.port();
            format!("server = \"127.0.0.1\"\nport = {port}\n{keys}")
        };
        let sources: Vec<_> = self.pools.iter().enumerate().map(source).collect();
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
        self.archive_with(&[])
    }

    /// With more arguments.
    pub(crate) fn archive_with(&self, arguments: &[&str]) -> Outcome {
        self.fill();
        self.sandbox.archive_with(arguments)
    }

    /// Lets a real server have what the pools have now.
    pub(crate) fn fill(&self) {
        let Some(real) = &self.real else {
            return;
        };
        for (number, pool) in self.pools.iter().enumerate() {
            real.refill(&format!("{ARCHIVE}{number}"), &pool.database.script());
            real.refill(&format!("{DETAILS}{number}"), &pool.details.script());
        }
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
}

/// Keys of a source that is the so-manieth pool's database on a real server.
fn of_real(real: &Real, number: usize, keys: &str) -> String {
    let SqlServer { host, port, .. } = &real.server;
    let database = real.name(&format!("{ARCHIVE}{number}"));
    let details = real.name(&format!("{DETAILS}{number}"));
    let keys = keys
        .replace("tls = \"none\"", "tls = \"trust\"")
        .replace("cdr = {}", &format!("cdr = {{ database = \"{details}\" }}"));
    format!("server = \"{host}\"\nport = {port}\ndatabase = \"{database}\"\n{keys}")
}
