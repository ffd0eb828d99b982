use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    certificates::make_certificates,
    lab::{LabError, Server, free_port, loopback, run, write},
};

/// Debian's programs in /usr/sbin insist on being the user `rabbitmq`.
const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";

/// What a broker can be short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Memory.
    Memory,
    /// Room on the disk.
    Disk,
}

/// A RabbitMQ of its own, one node, from the package `rabbitmq-server`.
#[derive(Debug)]
pub struct RabbitMq {
    server: Option<Server>,
    /// Erlang's name server: RabbitMQ would start one that outlives it.
    _names: Server,
    folder: TempDir,
    port: u16,
    tls_port: u16,
    distribution_port: u16,
    names_port: u16,
}

impl RabbitMq {
    /// Who signs in. May use queues with a dot in their names and the default exchange, nothing else.
    pub const USER: &str = "lab";
    /// Its password.
    pub const PASSWORD: &str = "s3cret-of-the-lab";

    /// Starts a broker as it comes.
    pub fn start() -> Result<Self, LabError> {
        Self::start_with(&[])
    }

    /// Starts a broker with these settings of `rabbitmq.conf`. It looks every second whether its
    /// channels keep them.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self, LabError> {
        if !Path::new(PROGRAMS).join("rabbitmq-server").exists() {
            let how = format!("{PROGRAMS}/rabbitmq-server is not there; install rabbitmq-server");
            return Err(LabError::Missing("RabbitMQ", how));
        }
        let folder = TempDir::new().map_err(LabError::Setup)?;
        let names_port = free_port()?;
        let mut names = Command::new("epmd");
        names.args(["-address", "127.0.0.1", "-port", &names_port.to_string()]);
        let log = folder.path().join("epmd.log");
        let mut rabbitmq = Self {
            server: None,
            _names: Server::start("epmd", &mut names, names_port, &log)?,
            folder,
            port: free_port()?,
            tls_port: free_port()?,
            distribution_port: free_port()?,
            names_port,
        };
        rabbitmq.configure(settings)?;
        rabbitmq.resume()?;
        Ok(rabbitmq)
    }

    /// Starts the broker again on the same ports.
    pub fn resume(&mut self) -> Result<(), LabError> {
        // Two brokers in one folder would not be one that came back.
        self.server = None;
        let mut command = self.program("rabbitmq-server");
        let log = self.path("rabbitmq.out");
        let server = Server::start("rabbitmq", &mut command, self.port, &log)?;
        self.server = Some(server);
        Ok(())
    }

    /// Ends the broker with SIGKILL; what it has on disk stays.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.signal(Signal::KILL)?;
        self.server = None;
        Ok(())
    }

    /// Stops the broker's process where it is: its connections stay, and nobody answers.
    pub fn freeze(&self) -> Result<(), LabError> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen broker go on.
    pub fn thaw(&self) -> Result<(), LabError> {
        self.signal(Signal::CONT)
    }

    /// Raises an alarm, or ends it.
    pub fn set_alarm(&self, of: Shortage, is_raised: bool) -> Result<(), LabError> {
        let (limit, value) = match (of, is_raised) {
            (Shortage::Memory, true) => ("set_vm_memory_high_watermark", "0.000001"),
            (Shortage::Memory, false) => ("set_vm_memory_high_watermark", "0.4"),
            (Shortage::Disk, true) => ("set_disk_free_limit", "1000000GB"),
            (Shortage::Disk, false) => ("set_disk_free_limit", "50MB"),
        };
        self.ctl(&[limit, value]).map(drop)
    }

    /// Closes the connections of all clients.
    pub fn close_connections(&self) -> Result<(), LabError> {
        self.ctl(&["close_all_connections", "by the lab"]).map(drop)
    }

    /// Makes a quorum queue forget its consumers without telling them.
    pub fn forget_consumers(&self, queue: &str) -> Result<(), LabError> {
        let expression = format!(
            "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), \
             [ra:process_command(amqqueue:get_pid(Q), \
              rabbit_fifo:make_checkout({{element(2, C), element(1, C)}}, cancel, #{{}})) \
              || C <- rabbit_amqqueue:consumers(Q)]."
        );
        self.ctl(&["eval", &expression]).map(drop)
    }

    /// How many connections clients have.
    pub fn connections(&self) -> Result<usize, LabError> {
        let list = self.ctl(&["list_connections", "--no-table-headers", "pid"])?;
        Ok(list.lines().count())
    }

    /// How many messages clients have published since the broker started.
    pub fn published(&self) -> Result<u64, LabError> {
        let expression = "lists:sum([maps:get(messages_received_total, C, 0) \
             || C <- maps:values(rabbit_global_counters:overview())]).";
        let counted = self.ctl(&["eval", expression])?;
        let unexpected = |_| LabError::Helper {
            program: "rabbitmqctl eval".to_owned(),
            output: counted.clone(),
        };
        counted.trim().parse().map_err(unexpected)
    }

    /// Limits the length of queues whose names match a regular expression.
    pub fn limit_length(&self, queues: &str, length: u32) -> Result<(), LabError> {
        let definition = format!("{{\"max-length\":{length}}}");
        self.ctl(&["set_policy", "lab", queues, &definition])
            .map(drop)
    }

    /// Deletes a queue and what is in it.
    pub fn delete_queue(&self, queue: &str) -> Result<(), LabError> {
        self.ctl(&["delete_queue", queue]).map(drop)
    }

    /// Deletes all queues whose names begin with this and a dot, with what is in them.
    pub fn delete_queues(&self, prefix: &str) -> Result<(), LabError> {
        let expression = format!(
            "[{{ok, _}} = rabbit_amqqueue:delete(Q, false, false, <<\"lab\">>) \
              || Q <- rabbit_amqqueue:list(), \
              string:prefix(element(4, amqqueue:get_name(Q)), <<\"{prefix}.\">>) =/= nomatch]."
        );
        self.ctl(&["eval", &expression]).map(drop)
    }

    /// Takes a message from a queue; returns all the broker knows of it, in Erlang's notation.
    pub fn take(&self, queue: &str) -> Result<String, LabError> {
        let expression = format!(
            "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), \
             {{ok, _, Message, _}} = rabbit_amqqueue:basic_get(Q, true, self(), <<\"lab\">>, \
              rabbit_queue_type:init()), Message."
        );
        self.ctl(&["eval", &expression])
    }

    /// Where it listens without TLS.
    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }

    /// The address for clients, without credentials.
    pub fn url(&self) -> String {
        format!("amqp://{}/%2f", self.address())
    }

    /// The address for clients with TLS, without credentials.
    pub fn tls_url(&self) -> String {
        format!("amqps://localhost:{}/%2f", self.tls_port)
    }

    /// The certificate authority that vouches for it, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Another certificate authority, that does not.
    pub fn other_ca(&self) -> PathBuf {
        self.path("other.pem")
    }

    /// A file that holds [`USER`](Self::USER).
    pub fn user_file(&self) -> PathBuf {
        self.path("user")
    }

    /// A file that holds [`PASSWORD`](Self::PASSWORD).
    pub fn password_file(&self) -> PathBuf {
        self.path("password")
    }

    /// The broker's process, for measuring.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    fn signal(&self, signal: Signal) -> Result<(), LabError> {
        match &self.server {
            Some(server) => server.signal(signal),
            None => Err(LabError::Setup(io::ErrorKind::NotFound.into())),
        }
    }

    /// Runs `rabbitmqctl`, which takes some seconds.
    fn ctl(&self, arguments: &[&str]) -> Result<String, LabError> {
        run(self.program("rabbitmqctl").arg("-q").args(arguments))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(Path::new(PROGRAMS).join(name));
        // Whatever the caller has set for another broker.
        command.env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LANG", "C.UTF-8");
        for (variable, file) in [
            ("HOME", ""),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_PID_FILE", "pid"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_CONF_ENV_FILE", "none"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
        ] {
            command.env(variable, self.path(file));
        }
        let node = format!("lab{}@localhost", self.port);
        command.env("RABBITMQ_NODENAME", node);
        command.env("RABBITMQ_DIST_PORT", self.distribution_port.to_string());
        command.env("ERL_EPMD_PORT", self.names_port.to_string());
        command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
        // The broker replaces the script that starts it: signals reach it and nothing else.
        command.env("RUNNING_UNDER_SYSTEMD", "true");
        let arguments = "-kernel inet_dist_use_interface {127,0,0,1}";
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments);
        command
    }

    fn configure(&self, settings: &[(&str, &str)]) -> Result<(), LabError> {
        make_certificates(self.folder.path())?;
        for folder in ["data", "log"] {
            fs::create_dir_all(self.path(folder)).map_err(LabError::Setup)?;
        }
        let mut text = CONFIGURATION
            .replace("@FOLDER@", &self.folder.path().display().to_string())
            .replace("@PORT@", &self.port.to_string())
            .replace("@TLS_PORT@", &self.tls_port.to_string())
            .replace("@USER@", Self::USER)
            .replace("@PASSWORD@", Self::PASSWORD);
        for (name, value) in settings {
            text.push_str(&format!("{name} = {value}\n"));
        }
        if !settings.is_empty() {
            let every_second = "[{rabbit, [{channel_tick_interval, 1000}]}].";
            write(&self.path("advanced.config"), every_second)?;
        }
        write(&self.path("rabbitmq.conf"), &text)?;
        write(&self.path("enabled_plugins"), "[].")?;
        write(&self.user_file(), Self::USER)?;
        write(&self.password_file(), Self::PASSWORD)
    }
}

impl Drop for RabbitMq {
    /// Nobody needs what it has: no time is spent on an orderly end.
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            drop(server.signal(Signal::KILL));
        }
    }
}

const CONFIGURATION: &str = r"
listeners.tcp.1 = 127.0.0.1:@PORT@
listeners.ssl.1 = 127.0.0.1:@TLS_PORT@
ssl_options.cacertfile = @FOLDER@/ca.pem
ssl_options.certfile = @FOLDER@/cert.pem
ssl_options.keyfile = @FOLDER@/key.pem
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
default_user = @USER@
default_pass = @PASSWORD@
default_permissions.configure = ^[a-z]+[0-9]*\.
default_permissions.write = ^([a-z]+[0-9]*\.|amq\.default$)
default_permissions.read = ^[a-z]+[0-9]*\.
disk_free_limit.absolute = 50MB
log.file.level = warning
";
