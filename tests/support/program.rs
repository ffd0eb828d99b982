//! One of the cluster's programs, as a process.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::free_port;

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program with its settings; it is killed with its value.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    config: PathBuf,
    log: PathBuf,
    /// Where it serves gRPC.
    pub(crate) grpc: SocketAddr,
    /// Where it answers those who run it.
    pub(crate) admin: SocketAddr,
    child: Option<Child>,
}

/// The program's file. It stands where the build put this one; the test script builds all of them.
pub(crate) fn binary(name: &str) -> PathBuf {
    let ours = std::env::current_exe().unwrap();
    let folder = ours.parent().unwrap();
    // Tests lie one folder below the programs.
    let programs = if folder.ends_with("deps") {
        folder.parent().unwrap()
    } else {
        folder
    };
    let binary = programs.join(name);
    assert!(
        binary.exists(),
        "{} is missing: run ./test",
        binary.display()
    );
    binary
}

impl Program {
    /// Writes its settings into a folder: these, and where it listens.
    pub(crate) fn new(name: &'static str, number: usize, folder: &Path, settings: &str) -> Self {
        let address = || SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let program = Self {
            name,
            config: folder.join(format!("{name}{number}.toml")),
            log: folder.join(format!("{name}{number}.log")),
            grpc: address(),
            admin: address(),
            child: None,
        };
        let admin = format!("[admin]\naddress = \"{}\"\n\n", program.admin);
        let grpc = format!("[grpc]\naddress = \"{}\"\n", program.grpc);
        let settings = settings.replacen("[grpc]\n", &grpc, 1);
        fs::write(&program.config, admin + &settings).unwrap();
        program
    }

    /// Starts it, again if need be.
    pub(crate) fn start(&mut self) {
        self.kill();
        let log = File::options().append(true).create(true).open(&self.log);
        let log = log.unwrap();
        let mut command = Command::new(binary(self.name));
        command.arg("--config").arg(&self.config);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends a signal, by its name without SIG.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid().unwrap().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Stops it where it is. A signal alone may find a thread that does something more before it stops.
    pub(crate) fn stand_still(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.pid().unwrap());
        let moves = |thread: PathBuf| {
            // A thread that has ended meanwhile has no file.
            let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
            // The name in parentheses may hold anything; the state is behind it (proc_pid_stat(5)).
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
            state.is_some_and(|state| !state.starts_with('T'))
        };
        let deadline = Instant::now() + PATIENCE;
        while fs::read_dir(&threads)
            .unwrap()
            .any(|thread| moves(thread.unwrap().path()))
        {
            assert!(Instant::now() < deadline, "{} goes on", self.name);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process, for measuring.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Asks it to stop, and waits until it has, as it should: with exit code 0.
    pub(crate) fn terminate(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0), "{}: {}", self.name, self.log());
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{} hangs: {}",
                self.name,
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// True while it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Waits until it is ready to work.
    pub(crate) fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.get("/readyz").is_none_or(|(status, _)| status != 200) {
            let is_late = Instant::now() > deadline || !self.is_running();
            assert!(!is_late, "{} is not ready: {}", self.name, self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What its admin port answers: status and body; nothing when nobody does.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin).ok()?;
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
