//! The sample company with its conversations in databases: on a server of the test kit, or on the SQL
//! Server that `CHATKEEP_TEST_MSSQL` names (`tds://user:password@host:port/`), in databases made for it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use chatkeep_testkit::{
    SqlServer,
    lcslog::LcsLog,
    make_certificates,
    mgc::Mgc,
    tds::{Answer, Database as _, DateTime, Options, Request, Server, Tls},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::sandbox::Sandbox;

/// What the generator calls them.
const POOLS: [&str; 2] = ["LcsLog01", "LcsLog02"];
const ROOMS: &str = "mgc";

/// The databases of the sample company.
pub(crate) struct Databases {
    server: SqlServer,
    place: Place,
    runtime: Runtime,
}

enum Place {
    /// Models in this process.
    Ours {
        pools: [Arc<LcsLog>; 2],
        _server: Server,
        _certificates: TempDir,
    },
    /// Databases on a real server, whose names begin like this.
    Theirs { prefix: String },
}

/// The company's folder.
pub(crate) fn company() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("examples/contoso")
}

impl Databases {
    /// Fills them with the sample's scripts.
    pub(crate) fn filled() -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests have no Settings")]
        let real = std::env::var("CHATKEEP_TEST_MSSQL").ok();
        let runtime = Runtime::new().unwrap();
        match real {
            Some(url) => {
                let server = SqlServer::at(&url).expect("tds://user:password@host:port/");
                Self::theirs(server, runtime)
            }
            None => Self::ours(runtime),
        }
    }

    fn ours(runtime: Runtime) -> Self {
        let mut number = 0;
        let pools = POOLS.map(|name| {
            number += 1;
            let pool = LcsLog::filled(&script(name)).unwrap();
            pool.set_identity(Some([number; 16]), DateTime::default());
            // Ahead of us: what is read ends with our own time.
            pool.set_now(DateTime {
                days: 60_000,
                ticks: 0,
            });
            Arc::new(pool)
        });
        let mgc = Mgc::filled(&script(ROOMS)).unwrap();
        let models = pools.clone();
        let answer = move |request: &Request<'_>| -> Answer {
            let pool = POOLS.iter().position(|name| *name == request.database);
            pool.map_or_else(|| mgc.answer(request), |pool| models[pool].answer(request))
        };
        let certificates = tempfile::tempdir().unwrap();
        make_certificates(certificates.path()).unwrap();
        let options = Options {
            databases: [POOLS[0], POOLS[1], ROOMS].map(str::to_owned).to_vec(),
            tls: Some(Tls {
                folder: certificates.path().to_owned(),
                is_required: true,
            }),
            ..Options::default()
        };
        let (user, password) = (options.user.clone(), options.password.clone());
        let server = runtime.block_on(Server::start(options, Arc::new(answer)));
        Self {
            server: SqlServer {
                host: "127.0.0.1".to_owned(),
                port: server.port(),
                user,
                password,
            },
            place: Place::Ours {
                pools,
                _server: server,
                _certificates: certificates,
            },
            runtime,
        }
    }

    fn theirs(server: SqlServer, runtime: Runtime) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("chatkeep_test_{}_{number}_", std::process::id());
        let databases = Self {
            server,
            place: Place::Theirs { prefix },
            runtime,
        };
        for name in [POOLS[0], POOLS[1], ROOMS] {
            let database = databases.name(name);
            let making = async {
                databases.server.make_database(&database).await?;
                databases.server.run(&database, &script(name)).await
            };
            databases.runtime.block_on(making).unwrap();
        }
        databases
    }

    /// Runs a script in the first pool's database.
    pub(crate) fn run(&self, script: &str) {
        match &self.place {
            Place::Ours { pools, .. } => {
                pools[0].run(script).unwrap();
            }
            Place::Theirs { .. } => {
                let database = self.name(POOLS[0]);
                let running = self.server.run(&database, script);
                self.runtime.block_on(running).unwrap();
            }
        }
    }

    /// Lets a copy of the company be archived from them: the sample's own connector file, with this server
    /// instead of the one that it names.
    pub(crate) fn connect(&self, sandbox: &Sandbox) {
        let SqlServer {
            host,
            port,
            user,
            password,
        } = &self.server;
        let file = fs::read_to_string(sandbox.path("databases/connector.toml")).unwrap();
        let mut file = file
            .replace("\"../", "\"")
            .replace("\"localhost\"", &format!("\"{host}\"\nport     = {port}"))
            .replace("env:SQL_USER", "file:user")
            .replace("env:SQL_PASSWORD", "file:password");
        for name in [POOLS[0], POOLS[1], ROOMS] {
            let named = format!("database = \"{name}\"");
            assert!(file.contains(&named), "{named}");
            file = file.replace(&named, &format!("database = \"{}\"", self.name(name)));
        }
        sandbox.write("connector.toml", file);
        sandbox.write("user", user);
        sandbox.write("password", password);
    }

    /// What the server calls a database.
    fn name(&self, name: &str) -> String {
        match &self.place {
            Place::Ours { .. } => name.to_owned(),
            Place::Theirs { prefix } => format!("{prefix}{name}"),
        }
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if let Place::Theirs { .. } = &self.place {
            for name in [POOLS[0], POOLS[1], ROOMS] {
                let database = self.name(name);
                let removed = self.server.remove_database(&database);
                // One that was never made need not be removed.
                drop(self.runtime.block_on(removed));
            }
        }
    }
}

fn script(name: &str) -> String {
    fs::read_to_string(company().join(format!("databases/{name}.sql"))).unwrap()
}
