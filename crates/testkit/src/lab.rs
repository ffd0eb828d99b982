use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Why a lab server does not run.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A program or package is not there.
    #[error("{0} is missing: {1}")]
    Missing(&'static str, String),
    /// A file or process of the lab cannot be made.
    #[error("set up lab")]
    Setup(#[source] io::Error),
    /// A helper program failed.
    #[error("run {program}: {output}")]
    Helper {
        /// The program.
        program: String,
        /// What it printed.
        output: String,
    },
    /// The server did not answer in time.
    #[error("{server} does not answer; its log ends with: {log}")]
    Silent {
        /// The server.
        server: &'static str,
        /// The end of its log.
        log: String,
    },
    /// A mail server answered with something else than expected.
    #[error("read mailbox: {0}")]
    Read(String),
}

/// A port of the loopback interface that nobody listens on, another one at each call. Below the range
/// from which outgoing connections get theirs: waiting for a server there could connect to itself.
pub fn free_port() -> Result<u16, LabError> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    loop {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(97).wrapping_add(call) % 20_000;
        let port = 10_000 + u16::try_from(offset).unwrap_or(0);
        match TcpListener::bind(loopback(port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(LabError::Setup(error)),
        }
    }
}

/// An address of the loopback interface.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A server process that ends with its value.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts the process and waits until it listens.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        port: u16,
        log: &Path,
    ) -> Result<Self, LabError> {
        let output = fs::OpenOptions::new().append(true).create(true).open(log);
        let output = output.map_err(LabError::Setup)?;
        let errors = output.try_clone().map_err(LabError::Setup)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        // Cyrus ends by a signal to its whole process group: it must not be the test's.
        command.process_group(0);
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LabError::Missing(name, error.to_string()),
            _ => LabError::Setup(error),
        })?;
        let mut server = Self {
            name,
            child,
            log: log.to_owned(),
        };
        server.wait_for(port)?;
        Ok(server)
    }

    /// Waits until it listens at this port, too.
    pub(crate) fn wait_for(&mut self, port: u16) -> Result<(), LabError> {
        let deadline = Instant::now() + Duration::from_mins(1);
        while Instant::now() < deadline {
            if TcpStream::connect(loopback(port)).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().map_err(LabError::Setup)?;
            if ended.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let tail = log.len().saturating_sub(2_000);
        Err(LabError::Silent {
            server: self.name,
            log: log.get(tail..).unwrap_or_default().to_owned(),
        })
    }

    /// The process, for measuring.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), LabError> {
        let pid = self.raw_pid();
        let pid = pid.ok_or_else(|| LabError::Setup(io::ErrorKind::NotFound.into()))?;
        kill_process(pid, signal).map_err(|error| LabError::Setup(error.into()))
    }

    /// Ends it and all it has started with SIGKILL.
    pub(crate) fn kill_all(self) {
        let pid = self.raw_pid();
        // They may have ended by themselves.
        let _ended = pid.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok());
    }

    fn raw_pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.raw_pid();
        let told = self.signal(Signal::TERM).is_ok();
        let deadline = Instant::now() + Duration::from_secs(5);
        while told && Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // What it started may outlive it, and would keep the next server from its sockets. That all are
        // gone already is no failure of a test.
        let _outlived = pid.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok());
        drop(self.child.wait());
    }
}

/// Runs a helper program to its end.
pub(crate) fn run(command: &mut Command) -> Result<String, LabError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| LabError::Helper {
        program: program.clone(),
        output: error.to_string(),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(LabError::Helper {
        program,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Writes a file of the lab.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), LabError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(LabError::Setup)?;
    }
    fs::write(path, text).map_err(LabError::Setup)
}

/// Whether the lab runs as root and so must tell servers whom to become.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The user the lab runs as.
pub(crate) fn user() -> Result<String, LabError> {
    run(Command::new("id").arg("-un")).map(|name| name.trim().to_owned())
}

/// A user's own group.
pub(crate) fn group_of(user: &str) -> Result<String, LabError> {
    run(Command::new("id").arg("-gn").arg(user)).map(|name| name.trim().to_owned())
}

/// Hands folders to a user; only root can.
pub(crate) fn give_to(owner: &str, path: &Path) -> Result<(), LabError> {
    run(Command::new("chown").arg("-R").arg(owner).arg(path)).map(drop)
}
