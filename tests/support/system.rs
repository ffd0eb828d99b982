//! The distributed form: the five programs on real servers.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use chatkeep_testkit::{Azurite, Balancer, Postgres, free_port, make_certificates};
use tempfile::TempDir;

use crate::{program::Program, servers::Servers};

/// The programs that run a stage.
pub(crate) const STAGES: [&str; 4] = ["ingestion", "conversion", "mapping", "mailbox-import"];

/// What a system consists of.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Processes of control, behind one address.
    pub(crate) controls: usize,
    /// Processes of each stage.
    pub(crate) workers: usize,
    /// TLS everywhere: gRPC with certificates on both sides, RabbitMQ, PostgreSQL, Azurite.
    pub(crate) tls: bool,
    /// Keys of the section `queue`.
    pub(crate) queue: &'static str,
    /// Keys of the section of control.
    pub(crate) control: &'static str,
    /// Keys of the section of mailbox-import.
    pub(crate) import: &'static str,
    /// What is logged.
    pub(crate) log: &'static str,
    /// Where the broker is found, if not where it is.
    pub(crate) broker: Option<SocketAddr>,
    /// Where traces go.
    pub(crate) collector: Option<SocketAddr>,
    /// What control's console is told; without it control serves none.
    pub(crate) console: Option<ConsoleForm>,
}

/// What a console is told.
#[derive(Clone, Copy)]
pub(crate) struct ConsoleForm {
    /// Who signs users in.
    pub(crate) issuer: SocketAddr,
    /// What it is called there.
    pub(crate) client: &'static str,
    /// Its secret there.
    pub(crate) secret: &'static str,
    /// Whether control and mapping share a folder for mappings.
    pub(crate) has_mappings: bool,
}

impl Default for Form {
    /// One process of each, all of which notice early what went wrong.
    fn default() -> Self {
        Self {
            controls: 1,
            workers: 1,
            tls: false,
            queue: "heartbeat = \"2s\"\ntimeout = \"5s\"\n",
            control: "linger = \"200ms\"\nfence = \"1s\"\n",
            import: "",
            log: "info",
            broker: None,
            collector: None,
            console: None,
        }
    }
}

/// Programs on servers, with queues, a container and a schema of their own.
pub(crate) struct System {
    /// Those of control first.
    pub(crate) programs: Vec<Program>,
    pub(crate) servers: Arc<Servers>,
    /// What its queues' names begin with, and what its container and its schema are called.
    pub(crate) name: String,
    form: Form,
    /// Where control is found.
    pub(crate) to_control: Balancer,
    /// Where the console is found.
    pub(crate) to_console: Balancer,
    /// Where Azurite is found.
    pub(crate) to_staging: Balancer,
    folder: TempDir,
}

impl System {
    /// Starts every program and waits until all are ready.
    pub(crate) fn start(servers: &Arc<Servers>, form: Form) -> Self {
        let mut system = Self::new(servers, form);
        for program in &mut system.programs {
            program.start();
        }
        for program in &mut system.programs {
            program.wait_until_ready();
        }
        system
    }

    /// Writes settings; starts nothing.
    fn new(servers: &Arc<Servers>, form: Form) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut system = Self {
            programs: Vec::new(),
            servers: Arc::clone(servers),
            name: format!("cluster{number}"),
            form,
            to_control: Balancer::start().unwrap(),
            to_console: Balancer::start().unwrap(),
            to_staging: Balancer::start().unwrap(),
            folder: TempDir::new().unwrap(),
        };
        make_certificates(system.folder.path()).unwrap();
        fs::write(system.path("sas"), Azurite::sas()).unwrap();
        servers.postgres().make_schema(&system.name).unwrap();
        system.open_staging();
        system.add_programs();
        let controls = system.programs.iter().take(form.controls);
        system
            .to_control
            .serve(controls.map(|control| control.grpc).collect());
        system
    }

    fn add_programs(&mut self) {
        let common = self.common();
        let control = format!("{common}{}", self.control());
        let stage = format!("{common}[control]\nurl = \"{}\"\n", self.url());
        let mut stages = Vec::new();
        for name in STAGES {
            let settings = match name {
                "mailbox-import" => format!("{stage}\n[mailbox_import]\n{}", self.form.import),
                _ => stage.clone(),
            };
            for number in 0..self.form.workers {
                let program = Program::new(name, number, self.folder.path(), &settings);
                stages.push(program);
            }
        }
        let mut consoles = Vec::new();
        for number in 0..self.form.controls {
            let mut settings = control.clone();
            if let Some(console) = self.form.console {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
                settings += &self.console(console, address, &stages);
                consoles.push(address);
            }
            let program = Program::new("control", number, self.folder.path(), &settings);
            self.programs.push(program);
        }
        self.programs.extend(stages);
        self.to_console.serve(consoles);
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

    /// Lets a call of the command line ask this system's control.
    pub(crate) fn ask_control(&self, command: &mut Command) {
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
    }

    /// Deletes every queue, with what is in it.
    pub(crate) fn delete_queues(&self) {
        self.servers.rabbitmq().delete_queues(&self.name).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self) -> String {
        self.url_of(self.to_control.address())
    }

    /// Where a program is called that listens there.
    pub(crate) fn url_of(&self, address: SocketAddr) -> String {
        let scheme = if self.form.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", address.port())
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
            let broker = self.form.broker.unwrap_or(rabbitmq.address());
            let url = rabbitmq.url();
            let url = url.replace(&rabbitmq.address().to_string(), &broker.to_string());
            (format!("url = \"{url}\""), String::new())
        };
        format!(
            "[telemetry]\nlog = \"{}\"\n{otlp}\n[grpc]\n{grpc}\n[queue]\n{queue}\nprefix = \"{}\"\n\
             user = \"file:{}\"\npassword = \"file:{}\"\n{}\n\
             [staging]\nkind = \"azure\"\nurl = \"{}\"\n{staging_ca}\n[staging.credential]\n\
             type = \"sas\"\ntoken = \"file:{}\"\n\n",
            self.form.log,
            self.name,
            shown(rabbitmq.user_file()),
            shown(rabbitmq.password_file()),
            self.form.queue,
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
        format!(
            "[data]\npath = \"{}\"\n\n[control]\n{}\n\
             [control.postgres]\nurl = \"{url}\"\npassword = \"file:{}\"\n{ca}",
            self.path("data").display(),
            self.form.control,
            postgres.password_file().display(),
        )
    }

    /// Sections of a control that serves the console.
    fn console(&self, told: ConsoleForm, address: SocketAddr, stages: &[Program]) -> String {
        let ConsoleForm { issuer, client, .. } = told;
        let secret = self.path("client-secret");
        fs::write(&secret, told.secret).unwrap();
        let mappings = if told.has_mappings {
            format!("mappings = \"{}\"\n", self.path("mappings").display())
        } else {
            String::new()
        };
        let stage = |name: &str| {
            let program = stages.iter().find(|program| program.name == name);
            self.url_of(program.unwrap().grpc)
        };
        let [ingestion, conversion, mapping, mailbox_import] = STAGES.map(stage);
        format!(
            "\n[console]\naddress = \"{address}\"\npublic_url = \"http://{}\"\n\
             traces = \"https://traces.contoso.com/{{trace}}\"\n\
             issuer = \"http://{issuer}\"\nclient_id = \"{client}\"\nclient_secret = \"file:{}\"\n{mappings}\n\
             [services]\ningestion = \"{ingestion}\"\nconversion = \"{conversion}\"\n\
             mapping = \"{mapping}\"\nmailbox_import = \"{mailbox_import}\"\n",
            self.to_console.address(),
            secret.display(),
        )
    }
}

/// TLS everywhere needs an Azurite of its own.
pub(crate) fn servers_with_tls() -> Arc<Servers> {
    Servers::start(Azurite::start_for_tokens, Postgres::start)
}
