//! The sample company with its conversations in databases: on a server of the test kit, or on a real one
//! where there is one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
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

use crate::{real::Real, sandbox::Sandbox};

/// What the generator calls them.
const POOLS: [&str; 2] = ["LcsLog01", "LcsLog02"];
const ROOMS: &str = "mgc";

/// The databases of the sample company.
pub(crate) enum Databases {
    /// Models in this process.
    Ours {
        pools: [Arc<LcsLog>; 2],
        server: SqlServer,
        _server: Server,
        _certificates: TempDir,
        _runtime: Runtime,
    },
    /// Databases on a real server.
    Theirs(Real),
}

/// The company's folder.
pub(crate) fn company() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("examples/contoso")
}

impl Databases {
    /// Fills them with the sample's scripts.
    pub(crate) fn filled() -> Self {
        Real::named().map_or_else(Self::ours, Self::theirs)
    }

    fn ours() -> Self {
        let runtime = Runtime::new().unwrap();
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
        Self::Ours {
            pools,
            server: SqlServer {
                host: "127.0.0.1".to_owned(),
                port: server.port(),
                user,
                password,
            },
            _server: server,
            _certificates: certificates,
            _runtime: runtime,
        }
    }

    fn theirs(real: Real) -> Self {
        for name in [POOLS[0], POOLS[1], ROOMS] {
            real.run(name, &script(name));
        }
        Self::Theirs(real)
    }

    /// Runs a script in the first pool's database.
    pub(crate) fn run(&self, script: &str) {
        match self {
            Self::Ours { pools, .. } => {
                pools[0].run(script).unwrap();
            }
            Self::Theirs(real) => real.run(POOLS[0], script),
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
        } = self.server();
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

    fn server(&self) -> &SqlServer {
        match self {
            Self::Ours { server, .. } => server,
            Self::Theirs(real) => &real.server,
        }
    }

    /// What the server calls a database.
    fn name(&self, name: &str) -> String {
        match self {
            Self::Ours { .. } => name.to_owned(),
            Self::Theirs(real) => real.name(name),
        }
    }
}

fn script(name: &str) -> String {
    fs::read_to_string(company().join(format!("databases/{name}.sql"))).unwrap()
}
