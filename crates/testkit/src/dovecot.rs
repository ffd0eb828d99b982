use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tempfile::TempDir;

use crate::{
    certificates::make_certificates,
    lab::{LabError, Server, free_port, give_to, group_of, is_root, loopback, run, user, write},
};

/// The key of the tokens the lab accepts.
const TOKEN_KEY: &str = "a key for tests, 32 bytes long...";
const ISSUER: &str = "https://issuer.test/";

/// How often the server waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Never: fast, for tests.
    #[default]
    Never,
    /// Before it says that a message is stored: for honest measurements.
    Optimized,
}

/// What can be different about a Dovecot lab.
#[derive(Clone, Debug, Default)]
pub struct DovecotOptions {
    /// How often the server waits for the disk.
    pub fsync: Fsync,
    /// What the server says it can do, in place of all that it can.
    pub capabilities: Option<&'static str>,
    /// Largest size of a mailbox, e.g. `64k`.
    pub quota: Option<&'static str>,
    /// Largest size of a message, e.g. `100k`.
    pub largest_message: Option<&'static str>,
    /// Prefix and separator of the users' namespace, e.g. `("INBOX.", '.')`.
    pub namespace: Option<(&'static str, char)>,
    /// How mail is stored, `maildir` or `mdbox`.
    pub format: Option<&'static str>,
}

/// A Dovecot of its own. Any user signs in with [`Dovecot::PASSWORD`].
#[derive(Debug)]
pub struct Dovecot {
    server: Option<Server>,
    folder: TempDir,
    port: u16,
    tls_port: u16,
}

impl Dovecot {
    /// Everybody's password.
    pub const PASSWORD: &str = "secret";
    /// The master user: signs in as `{anybody}*{MASTER}`.
    pub const MASTER: &str = "admin";
    /// The master user's password.
    pub const MASTER_PASSWORD: &str = "adminpw";

    /// Starts a server as it comes.
    pub fn start() -> Result<Self, LabError> {
        Self::start_with(&DovecotOptions::default())
    }

    /// Starts a server.
    pub fn start_with(options: &DovecotOptions) -> Result<Self, LabError> {
        let folder = TempDir::new().map_err(LabError::Setup)?;
        // The server's processes give up root's rights and must still get in.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).map_err(LabError::Setup)?;
        let mut dovecot = Self {
            server: None,
            folder,
            port: free_port()?,
            tls_port: free_port()?,
        };
        dovecot.configure(options)?;
        dovecot.resume()?;
        Ok(dovecot)
    }

    /// Stops the server; its mail stays.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Ends all of the server's processes with SIGKILL; its mail stays.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill_all();
        }
    }

    /// Starts the server again on the same ports.
    pub fn resume(&mut self) -> Result<(), LabError> {
        let mut command = Command::new("dovecot");
        command.arg("-F").arg("-c").arg(self.path("dovecot.conf"));
        let log = self.path("dovecot.log");
        self.server = Some(Server::start("dovecot", &mut command, self.port, &log)?);
        Ok(())
    }

    /// Where it listens for plain connections and STARTTLS.
    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }

    /// Where it listens for TLS from the first byte.
    pub fn tls_address(&self) -> SocketAddr {
        loopback(self.tls_port)
    }

    /// The certificate authority that vouches for it, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Another certificate authority, that does not.
    pub fn other_ca(&self) -> PathBuf {
        self.path("other.pem")
    }

    /// Where a user's mail lies.
    pub fn mail(&self, user: &str) -> PathBuf {
        self.path("mail").join(user)
    }

    /// Hands mail that the test wrote itself to the user the server runs as.
    pub fn adopt_mail(&self) -> Result<(), LabError> {
        if is_root() {
            give_to("nobody", &self.path("mail"))?;
        }
        Ok(())
    }

    /// What `doveadm` prints, which looks past the IMAP server.
    pub fn doveadm(&self, arguments: &[&str]) -> Result<String, LabError> {
        let mut doveadm = Command::new("doveadm");
        doveadm.arg("-c").arg(self.path("dovecot.conf"));
        run(doveadm.args(arguments))
    }

    /// The master process, for measuring.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// A bearer token for a user, signed with the key the server knows.
    pub fn token(&self, user: &str) -> Result<String, LabError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let part = |json: String| URL_SAFE_NO_PAD.encode(json);
        let header = part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
        let claims = format!(r#"{{"sub":"{user}","iss":"{ISSUER}","exp":4102444800}}"#);
        let signed = format!("{header}.{}", part(claims));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (input, output) = (
            self.path(&format!("token{number}")),
            self.path(&format!("token{number}.mac")),
        );
        write(&input, &signed)?;
        let mut sign = Command::new("openssl");
        sign.args(["dgst", "-sha256", "-hmac", TOKEN_KEY, "-binary", "-out"]);
        run(sign.arg(&output).arg(&input))?;
        let signature = fs::read(&output).map_err(LabError::Setup)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, options: &DovecotOptions) -> Result<(), LabError> {
        make_certificates(self.folder.path())?;
        for folder in ["run", "state", "mail"] {
            fs::create_dir_all(self.path(folder)).map_err(LabError::Setup)?;
        }
        let (mail_user, server_user, login_user) = if is_root() {
            give_to("nobody", &self.path("mail"))?;
            (
                "nobody".to_owned(),
                "dovecot".to_owned(),
                "dovenull".to_owned(),
            )
        } else {
            (user()?, user()?, user()?)
        };
        let master = format!("{}:{{PLAIN}}{}\n", Self::MASTER, Self::MASTER_PASSWORD);
        write(&self.path("master.passwd"), &master)?;
        self.configure_tokens()?;
        let text = CONFIGURATION
            .replace("@FOLDER@", &self.folder.path().display().to_string())
            .replace("@PORT@", &self.port.to_string())
            .replace("@TLS_PORT@", &self.tls_port.to_string())
            .replace("@PASSWORD@", Self::PASSWORD)
            .replace("@MAIL_USER@", &mail_user)
            .replace("@MAIL_GROUP@", &group_of(&mail_user)?)
            .replace("@SERVER_USER@", &server_user)
            .replace("@LOGIN_USER@", &login_user)
            .replace("@FORMAT@", options.format.unwrap_or("maildir"))
            .replace("@OPTIONS@", &option_lines(options));
        write(&self.path("dovecot.conf"), &text)
    }

    fn configure_tokens(&self) -> Result<(), LabError> {
        let folder = self.folder.path().display();
        let text = format!(
            "introspection_mode = local\n\
             local_validation_key_dict = fs:posix:prefix={folder}/keys/\n\
             username_attribute = sub\nissuers = {ISSUER}\n"
        );
        write(&self.path("oauth2.conf"), &text)?;
        let key = base64::engine::general_purpose::STANDARD.encode(TOKEN_KEY);
        write(&self.path("keys/default/HS256/default"), &key)
    }
}

fn option_lines(options: &DovecotOptions) -> String {
    let fsync = match options.fsync {
        Fsync::Never => "never",
        Fsync::Optimized => "optimized",
    };
    let mut lines = vec![format!("mail_fsync = {fsync}")];
    if let Some(capabilities) = options.capabilities {
        lines.push(format!("imap_capability = {capabilities}"));
    }
    let (prefix, separator) = options.namespace.unwrap_or(("", '/'));
    lines.push(format!(
        "namespace inbox {{\n inbox = yes\n prefix = {prefix}\n separator = {separator}\n}}"
    ));
    let plugins = |names| format!("protocol imap {{\n mail_plugins = {names}\n}}");
    if options.quota.is_some() || options.largest_message.is_some() {
        lines.push(plugins("quota imap_quota"));
        let storage = options.quota.unwrap_or("1G");
        lines.push(format!(
            "plugin {{\n quota = count:User quota\n quota_vsizes = yes\n quota_rule = *:storage={storage}\n}}"
        ));
    }
    if let Some(size) = options.largest_message {
        lines.push(format!("plugin {{\n quota_max_mail_size = {size}\n}}"));
    }
    lines.join("\n")
}

const CONFIGURATION: &str = r"
base_dir = @FOLDER@/run
state_dir = @FOLDER@/state
log_path = @FOLDER@/dovecot.log
instance_name = lab@PORT@
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <@FOLDER@/cert.pem
ssl_key = <@FOLDER@/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_master_user_separator = *
auth_failure_delay = 0
default_internal_user = @SERVER_USER@
default_login_user = @LOGIN_USER@
first_valid_uid = 1
mail_location = @FORMAT@:@FOLDER@/mail/%u
mail_home = @FOLDER@/mail/%u.home
mail_uid = @MAIL_USER@
mail_gid = @MAIL_GROUP@
mail_max_userip_connections = 500
default_process_limit = 400
default_client_limit = 2000
passdb {
  driver = passwd-file
  master = yes
  args = @FOLDER@/master.passwd
  result_success = continue
}
passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = @FOLDER@/oauth2.conf
}
passdb {
  driver = static
  mechanisms = plain login
  args = password=@PASSWORD@
}
userdb {
  driver = static
  args = uid=@MAIL_USER@ gid=@MAIL_GROUP@ home=@FOLDER@/mail/%u.home allow_all_users=yes
}
service imap-login {
  inet_listener imap {
    port = @PORT@
  }
  inet_listener imaps {
    port = @TLS_PORT@
    ssl = yes
  }
  process_min_avail = 1
  service_count = 0
  chroot =
}
service imap {
  service_count = 200
  process_limit = 256
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
@OPTIONS@
";
