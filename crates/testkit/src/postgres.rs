use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    certificates::make_certificates,
    lab::{LabError, Server, free_port, give_to, is_root, loopback, run, write},
};

/// Where Debian installs the server's programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// Who runs it when the lab runs as root, which the server refuses to.
const SERVER_USER: &str = "postgres";

/// A PostgreSQL of its own, from the package `postgresql`.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Server>,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Who signs in.
    pub const USER: &str = "chatkeep";
    /// Its password.
    pub const PASSWORD: &str = "s3cret-of-the-lab";
    /// The database.
    pub const DATABASE: &str = "ledger";

    /// The server that the tests of a process share. It ends with the last of them.
    pub fn shared() -> Result<Arc<Self>, LabError> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(postgres) = shared.upgrade() {
            return Ok(postgres);
        }
        let postgres = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&postgres);
        Ok(postgres)
    }

    /// Starts a server that does not wait for the disk.
    pub fn start() -> Result<Self, LabError> {
        Self::start_with(&[("fsync", "off"), ("full_page_writes", "off")])
    }

    /// Starts a server with these settings.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self, LabError> {
        let folder = TempDir::new().map_err(LabError::Setup)?;
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).map_err(LabError::Setup)?;
        let mut postgres = Self {
            server: None,
            folder,
            port: free_port()?,
        };
        postgres.configure(settings)?;
        postgres.resume()?;
        let role = format!(
            "CREATE ROLE {} LOGIN PASSWORD '{}'",
            Self::USER,
            Self::PASSWORD
        );
        postgres.admin("postgres", &role)?;
        let database = format!("CREATE DATABASE {} OWNER {}", Self::DATABASE, Self::USER);
        postgres.admin("postgres", &database)?;
        Ok(postgres)
    }

    /// Stops the server in good order; what it has on disk stays.
    pub fn stop(&mut self) -> Result<(), LabError> {
        if let Some(server) = &self.server {
            // SIGTERM would wait for its clients.
            server.signal(Signal::INT)?;
        }
        self.server = None;
        Ok(())
    }

    /// Ends the server with SIGKILL; what it has on disk stays.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.signal(Signal::KILL)?;
        self.server = None;
        Ok(())
    }

    /// Starts the server again on the same port.
    pub fn resume(&mut self) -> Result<(), LabError> {
        self.server = None;
        let mut command = self.program("postgres")?;
        command.arg("-D").arg(self.path("data"));
        let log = self.path("postgres.log");
        let server = Server::start("postgres", &mut command, self.port, &log)?;
        self.server = Some(server);
        self.wait_until_ready()
    }

    /// Stops all of the server's processes where they are: connections stay, and nobody answers.
    pub fn freeze(&self) -> Result<(), LabError> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> Result<(), LabError> {
        self.signal(Signal::CONT)
    }

    /// Runs statements in the ledger's database as administrator; returns what they print.
    pub fn run(&self, sql: &str) -> Result<String, LabError> {
        self.admin(Self::DATABASE, sql)
    }

    /// Makes a schema for a ledger of its own, if it is not there.
    pub fn make_schema(&self, schema: &str) -> Result<(), LabError> {
        let user = Self::USER;
        let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {user}");
        self.run(&sql).map(drop)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }

    /// The address of a schema for clients, without TLS and without password.
    pub fn url(&self, schema: &str) -> String {
        let (user, address, database) = (Self::USER, self.address(), Self::DATABASE);
        format!(
            "postgres://{user}@{address}/{database}?sslmode=disable&options[search_path]={schema}"
        )
    }

    /// The address of the administrator, who has every right.
    pub fn admin_url(&self) -> String {
        let (folder, database) = (self.folder.path().display(), Self::DATABASE);
        format!(
            "postgres:///{database}?host={folder}&port={}&user=postgres",
            self.port
        )
    }

    /// The address for clients with TLS, without password.
    pub fn tls_url(&self) -> String {
        let (user, port, database) = (Self::USER, self.port, Self::DATABASE);
        format!("postgres://{user}@localhost:{port}/{database}")
    }

    /// The certificate authority that vouches for it, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Another certificate authority, that does not.
    pub fn other_ca(&self) -> PathBuf {
        self.path("other.pem")
    }

    /// A file that holds [`PASSWORD`](Self::PASSWORD).
    pub fn password_file(&self) -> PathBuf {
        self.path("password")
    }

    /// The server's first process, for measuring.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, settings: &[(&str, &str)]) -> Result<(), LabError> {
        make_certificates(self.folder.path())?;
        write(&self.password_file(), Self::PASSWORD)?;
        fs::create_dir_all(self.path("data")).map_err(LabError::Setup)?;
        if is_root() {
            give_to(SERVER_USER, self.folder.path())?;
        }
        let mut initialise = self.program("initdb")?;
        initialise.arg("-D").arg(self.path("data"));
        initialise.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        // Not C: the ledger must not depend on how the database sorts.
        run(initialise.args([
            "--locale-provider=icu",
            "--icu-locale=en",
            "--locale=C.UTF-8",
        ]))?;
        let folder = self.folder.path().display();
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{folder}'\n\
             ssl = on\nssl_cert_file = '{folder}/cert.pem'\nssl_key_file = '{folder}/key.pem'\n\
             max_connections = 100\n",
            self.port
        );
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{value}'\n"));
        }
        let configuration = self.path("data").join("postgresql.auto.conf");
        fs::write(configuration, text).map_err(LabError::Setup)?;
        let access = "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(self.path("data").join("pg_hba.conf"), access).map_err(LabError::Setup)
    }

    fn wait_until_ready(&self) -> Result<(), LabError> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let mut ready = self.program("pg_isready")?;
            ready.arg("-h").arg(self.folder.path());
            let ready = run(ready.args(["-p", &self.port.to_string()]));
            if ready.is_ok() || Instant::now() > deadline {
                return ready.map(drop);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn admin(&self, database: &str, sql: &str) -> Result<String, LabError> {
        let mut psql = self.program("psql")?;
        psql.arg("-h").arg(self.folder.path());
        psql.args(["-p", &self.port.to_string(), "-U", "postgres"]);
        psql.args(["-d", database, "-v", "ON_ERROR_STOP=1", "-X", "-q", "-A"]);
        run(psql.args(["-t", "-c", sql]))
    }

    /// Sends a signal to the server's first process and to those it has started.
    fn signal(&self, signal: Signal) -> Result<(), LabError> {
        let gone = || LabError::Setup(io::ErrorKind::NotFound.into());
        let server = self.server.as_ref().ok_or_else(gone)?;
        let children = format!("/proc/{0}/task/{0}/children", server.pid());
        let children = fs::read_to_string(children).map_err(LabError::Setup)?;
        server.signal(signal)?;
        for child in children.split_whitespace() {
            let child = child.parse().ok().and_then(Pid::from_raw);
            // One that has ended meanwhile needs no signal.
            let _ended = child.is_some_and(|child| kill_process(child, signal).is_ok());
        }
        Ok(())
    }

    /// A program of the newest version, run as somebody whom the server accepts.
    fn program(&self, name: &str) -> Result<Command, LabError> {
        let program = newest().map(|version| version.join("bin").join(name));
        let missing = || {
            let how = format!("{PROGRAMS}/*/bin/{name} is not there; install postgresql");
            LabError::Missing("PostgreSQL", how)
        };
        let program = program.filter(|program| program.exists());
        let mut command = Command::new(program.ok_or_else(missing)?);
        command.current_dir(self.folder.path()).env("LANG", "C");
        if is_root() {
            let id = |flag| {
                let id = run(Command::new("id").arg(flag).arg(SERVER_USER))?;
                id.trim().parse().map_err(|_| LabError::Helper {
                    program: "id".to_owned(),
                    output: id,
                })
            };
            command.uid(id("-u")?).gid(id("-g")?);
        }
        Ok(command)
    }
}

impl Drop for Postgres {
    /// Nobody needs what it has: no time is spent on an orderly end.
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            drop(server.signal(Signal::QUIT));
        }
    }
}

fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir(Path::new(PROGRAMS)).ok()?;
    let versions = versions.filter_map(|version| Some(version.ok()?.path()));
    versions.max_by_key(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().parse::<u32>().unwrap_or(0)
    })
}
