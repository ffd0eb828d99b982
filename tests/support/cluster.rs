//! The distributed form: the five programs on real servers, and a sandbox that the command line archives
//! through them.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use chatkeep_testkit::{Azurite, Balancer, Postgres, make_certificates};
use tempfile::TempDir;

use crate::{
    program::Program,
    sandbox::{Outcome, Sandbox},
    servers::Servers,
};

/// The programs that run a stage.
pub(crate) const STAGES: [&str; 4] = ["ingestion", "conversion", "mapping", "mailbox-import"];

/// What a cluster consists of.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Processes of control, behind one address.
    pub(crate) controls: usize,
    /// Processes of each stage.
    pub(crate) workers: usize,
    /// TLS everywhere: gRPC with certificates on both sides, RabbitMQ, PostgreSQL, Azurite.
    pub(crate) tls: bool,
    /// How long something that was sent to a mailbox may still arrive.
    pub(crate) fence: &'static str,
    /// Staging is cleared as soon as a run is sealed.
    pub(crate) clears: bool,
    /// Where traces go.
    pub(crate) collector: Option<SocketAddr>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            controls: 1,
            workers: 1,
            tls: false,
            fence: "1s",
            clears: false,
            collector: None,
        }
    }
}

/// Programs on servers, with queues, a container and a schema of their own.
pub(crate) struct Cluster {
    /// Those of control first.
    pub(crate) programs: Vec<Program>,
    pub(crate) servers: Arc<Servers>,
    /// What its queues' names begin with, and what its container and its schema are called.
    pub(crate) name: String,
    sandbox: Sandbox,
    form: Form,
    /// Where control is found.
    pub(crate) to_control: Balancer,
    /// Where Azurite is found.
    pub(crate) to_staging: Balancer,
    folder: TempDir,
}

impl Cluster {
    /// Starts every program and waits until all are ready.
    pub(crate) fn start(servers: &Arc<Servers>, form: Form, sandbox: Sandbox) -> Self {
        let mut cluster = Self::new(servers, form, sandbox);
        for program in &mut cluster.programs {
            program.start();
        }
        for program in &mut cluster.programs {
            program.wait_until_ready();
        }
        cluster
    }

    /// Writes settings; starts nothing.
    pub(crate) fn new(servers: &Arc<Servers>, form: Form, sandbox: Sandbox) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut cluster = Self {
            programs: Vec::new(),
            servers: Arc::clone(servers),
            name: format!("cluster{number}"),
            sandbox,
            form,
            to_control: Balancer::start().unwrap(),
            to_staging: Balancer::start().unwrap(),
            folder: TempDir::new().unwrap(),
        };
        make_certificates(cluster.folder.path()).unwrap();
        fs::write(cluster.path("sas"), Azurite::sas()).unwrap();
        servers.postgres().make_schema(&cluster.name).unwrap();
        cluster.open_staging();
        cluster.add_programs();
        let controls = cluster.programs.iter().take(form.controls);
        cluster
            .to_control
            .serve(controls.map(|control| control.grpc).collect());
        cluster
    }

    fn add_programs(&mut self) {
        let common = self.common();
        let control = format!("{common}{}", self.control());
        let stage = format!("{common}[control]\nurl = \"{}\"\n", self.url());
        for number in 0..self.form.controls {
            let program = Program::new("control", number, self.folder.path(), &control);
            self.programs.push(program);
        }
        for name in STAGES {
            for number in 0..self.form.workers {
                let program = Program::new(name, number, self.folder.path(), &stage);
                self.programs.push(program);
            }
        }
    }

    /// Lets the programs reach Azurite.
    pub(crate) fn open_staging(&self) {
        let azurite = self.servers.azurite().address();
        self.to_staging.serve(vec![azurite]);
    }

    /// Programs by name.
    pub(crate) fn of(&mut self, name: &str) -> impl Iterator<Item = &mut Program> {
        self.programs
            .iter_mut()
            .filter(move |program| program.name == name)
    }

    /// kill -9 of a stage's processes.
    pub(crate) fn kill(&mut self, name: &str) {
        self.of(name).for_each(Program::kill);
    }

    /// Starts a stage's processes again.
    pub(crate) fn start_again(&mut self, name: &str) {
        self.of(name).for_each(Program::start);
    }

    /// Where the company is that is archived.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The command line, asking this cluster's control.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command.args(["--control", &self.url()]);
        if self.form.tls {
            for (option, file) in [
                ("--ca", "ca.pem"),
                ("--certificate", "cert.pem"),
                ("--key", "key.pem"),
            ] {
                command.arg(option).arg(self.path(file));
            }
        } else {
            command.arg("--plaintext");
        }
        command
    }

    /// `chatkeep archive`.
    pub(crate) fn archive(&self) -> Outcome {
        let arguments = ["archive", "connector.toml", "--report", "report.json"];
        self.sandbox.archive_by(&mut self.command(&arguments))
    }

    /// Any command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        Outcome::of(&output, serde_json::Value::Null)
    }

    /// Deletes every queue, with what is in it.
    pub(crate) fn delete_queues(&self) {
        self.servers.rabbitmq().delete_queues(&self.name).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self) -> String {
        let scheme = if self.form.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.to_control.address().port())
    }

    /// Sections that every program has.
    fn common(&self) -> String {
        let shown = |path: PathBuf| path.display().to_string();
        let grpc = if self.form.tls {
            let [certificate, key, ca] =
                ["cert.pem", "key.pem", "ca.pem"].map(|file| shown(self.path(file)));
            format!("certificate = \"{certificate}\"\nkey = \"{key}\"\nca = \"{ca}\"\n")
        } else {
            "plaintext = true\n".to_owned()
        };
        let otlp = self
            .form
            .collector
            .map(|address| format!("otlp = \"http://{address}\"\n"));
        let otlp = otlp.unwrap_or_default();
        let rabbitmq = self.servers.rabbitmq();
        let azurite = self.servers.azurite();
        let (queue, staging_ca) = if self.form.tls {
            let queue = format!(
                "url = \"{}\"\nca = \"{}\"",
                rabbitmq.tls_url(),
                shown(rabbitmq.ca())
            );
            (queue, format!("ca = \"{}\"\n", shown(azurite.ca())))
        } else {
            (format!("url = \"{}\"", rabbitmq.url()), String::new())
        };
        format!(
            "[telemetry]\nlog = \"info\"\n{otlp}\n[grpc]\n{grpc}\n[queue]\n{queue}\nprefix = \"{}\"\n\
             user = \"file:{}\"\npassword = \"file:{}\"\nheartbeat = \"2s\"\ntimeout = \"5s\"\n\n\
             [staging]\nkind = \"azure\"\nurl = \"{}\"\n{staging_ca}\n[staging.credential]\n\
             type = \"sas\"\ntoken = \"file:{}\"\n\n",
            self.name,
            shown(rabbitmq.user_file()),
            shown(rabbitmq.password_file()),
            azurite.container(&self.name).replace(
                &azurite.address().to_string(),
                &self.to_staging.address().to_string()
            ),
            shown(self.path("sas")),
        )
    }

    fn control(&self) -> String {
        let postgres = self.servers.postgres();
        let (url, ca) = if self.form.tls {
            let url = format!("{}?options[search_path]={}", postgres.tls_url(), self.name);
            (url, format!("ca = \"{}\"\n", postgres.ca().display()))
        } else {
            (postgres.url(&self.name), String::new())
        };
        let janitor = if self.form.clears {
            "[control.janitor]\nafter = \"0s\"\nevery = \"200ms\"\norphans_after = \"0s\"\n"
        } else {
            ""
        };
        format!(
            "[data]\npath = \"{}\"\n\n[control]\nlinger = \"200ms\"\nfence = \"{}\"\n\n\
             [control.postgres]\nurl = \"{url}\"\npassword = \"file:{}\"\n{ca}{janitor}",
            self.path("data").display(),
            self.form.fence,
            postgres.password_file().display(),
        )
    }
}

/// TLS everywhere needs an Azurite of its own.
pub(crate) fn servers_with_tls() -> Arc<Servers> {
    Servers::start(Azurite::start_for_tokens, Postgres::start)
}
