use std::{
    fs, io,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::lab::{LabError, Server, free_port, give_to, is_root, loopback, user, write};

/// Where Cyrus was unpacked by `tests/install/cyrus.sh`: the environment variable
/// `CHATKEEP_CYRUS_ROOT`.
pub fn cyrus_root() -> Result<PathBuf, LabError> {
    let missing = |why: &str| {
        let how = "run tests/install/cyrus.sh DIR and set CHATKEEP_CYRUS_ROOT=DIR";
        LabError::Missing("Cyrus IMAP", format!("{why}; {how}"))
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the test script says where it unpacked Cyrus"
    )]
    let root = std::env::var("CHATKEEP_CYRUS_ROOT");
    let root = PathBuf::from(root.map_err(|_| missing("CHATKEEP_CYRUS_ROOT is not set"))?);
    if root.join("usr/lib/cyrus/bin/imapd").exists() {
        return Ok(root);
    }
    Err(missing(
        "CHATKEEP_CYRUS_ROOT holds no usr/lib/cyrus/bin/imapd",
    ))
}

/// A Cyrus IMAP of its own. Users are made known at the start; one service account acts as any of them.
#[derive(Debug)]
pub struct Cyrus {
    server: Option<Server>,
    folder: TempDir,
    root: PathBuf,
    port: u16,
}

impl Cyrus {
    /// Everybody's password.
    pub const PASSWORD: &str = "secret";
    /// The service account, which signs in to act as anybody else.
    pub const ADMIN: &str = "cyrus";

    /// Starts a server that knows these users.
    pub fn start(users: &[&str]) -> Result<Self, LabError> {
        let root = cyrus_root()?;
        let folder = TempDir::new().map_err(LabError::Setup)?;
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).map_err(LabError::Setup)?;
        let mut cyrus = Self {
            server: None,
            folder,
            root,
            port: free_port()?,
        };
        cyrus.configure(users)?;
        cyrus.resume()?;
        Ok(cyrus)
    }

    /// Stops the server; its mail stays.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts the server again on the same port.
    pub fn resume(&mut self) -> Result<(), LabError> {
        let path = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(self.program("master"));
        command
            .arg("-C")
            .arg(path("imapd.conf"))
            .arg("-M")
            .arg(path("cyrus.conf"))
            .arg("-p")
            .arg(path("master.pid"))
            .arg("-D")
            .env("LD_LIBRARY_PATH", libraries(&self.root))
            .env("CYRUS_USER", server_user()?);
        let log = path("master.log");
        self.server = Some(Server::start("cyrus", &mut command, self.port, &log)?);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.root.join("usr/lib/cyrus/bin").join(name)
    }

    fn configure(&self, users: &[&str]) -> Result<(), LabError> {
        let folder = self.folder.path();
        for name in [
            "lib/socket",
            "lib/proc",
            "lib/log",
            "lib/db",
            "lib/msg",
            "lib/ptclient",
            "lib/user",
            "lib/quota",
            "lib/lock",
            "spool",
            "run",
        ] {
            fs::create_dir_all(folder.join(name)).map_err(LabError::Setup)?;
        }
        let fill = |text: &str| {
            text.replace("@FOLDER@", &folder.display().to_string())
                .replace("@BIN@", &self.program("").display().to_string())
                .replace("@PORT@", &self.port.to_string())
                .replace("@USER@", server_user().as_deref().unwrap_or("nobody"))
        };
        write(&folder.join("imapd.conf"), &fill(IMAPD_CONF))?;
        write(&folder.join("cyrus.conf"), &fill(CYRUS_CONF))?;
        for user in users.iter().chain([&Self::ADMIN]) {
            set_password(&folder.join("sasldb2"), user)?;
        }
        if is_root() {
            give_to(&server_user()?, folder)?;
        }
        Ok(())
    }
}

/// Whom Cyrus runs as: it refuses root.
fn server_user() -> Result<String, LabError> {
    if is_root() {
        return Ok("nobody".to_owned());
    }
    user()
}

fn libraries(root: &Path) -> String {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folder = |name: &str| root.join(name).display().to_string();
    [
        folder("usr/lib/cyrus"),
        folder(&format!("usr/lib/{triplet}")),
        folder(&format!("lib/{triplet}")),
    ]
    .join(":")
}

fn set_password(database: &Path, user: &str) -> Result<(), LabError> {
    let (name, realm) = user.split_once('@').unwrap_or((user, "localhost"));
    let mut command = Command::new("saslpasswd2");
    command
        .arg("-f")
        .arg(database)
        .args(["-p", "-c", "-u", realm, name]);
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LabError::Missing("saslpasswd2", error.to_string()),
        _ => LabError::Setup(error),
    })?;
    if let Some(mut input) = child.stdin.take() {
        let password = Cyrus::PASSWORD.as_bytes();
        input.write_all(password).map_err(LabError::Setup)?;
    }
    let ended = child.wait().map_err(LabError::Setup)?;
    if ended.success() {
        return Ok(());
    }
    Err(LabError::Helper {
        program: "saslpasswd2".to_owned(),
        output: format!("{ended}"),
    })
}

const IMAPD_CONF: &str = "\
configdirectory: @FOLDER@/lib
defaultpartition: default
partition-default: @FOLDER@/spool
proc_path: @FOLDER@/run/proc
mboxname_lockpath: @FOLDER@/run/lock
cyrus_user: @USER@
admins: cyrus
proxyservers: cyrus
allowplaintext: yes
unixhierarchysep: yes
altnamespace: no
virtdomains: userid
defaultdomain: localhost
servername: localhost
autocreate_quota: 0
autocreate_post: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: @FOLDER@/sasldb2
sasl_mech_list: PLAIN
syslog_prefix: lab
duplicate_db_path: @FOLDER@/run/deliver.db
idlesocket: @FOLDER@/run/idle
notifysocket: @FOLDER@/run/notify
lmtpsocket: @FOLDER@/run/lmtp
statuscache_db_path: @FOLDER@/run/statuscache.db
tls_sessions_db_path: @FOLDER@/run/tls.db
ptscache_db_path: @FOLDER@/run/pts.db
";

const CYRUS_CONF: &str = "\
START {
  recover cmd=\"@BIN@ctl_cyrusdb -C @FOLDER@/imapd.conf -r\"
}
SERVICES {
  imap cmd=\"@BIN@imapd -C @FOLDER@/imapd.conf -U 30\" listen=\"127.0.0.1:@PORT@\" prefork=1 maxchild=100
}
EVENTS {
  checkpoint cmd=\"@BIN@ctl_cyrusdb -C @FOLDER@/imapd.conf -c\" period=30
}
";
