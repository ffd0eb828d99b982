//! The machine: what it is, and how fast its disk keeps a promise.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use crate::aside;

/// Written by a probe of the disk.
const PROBES: usize = 200;
const PROBE_BYTES: usize = 9_000;

/// Times of fsync in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fsync {
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

impl Fsync {
    /// Writes and syncs small files.
    pub(crate) fn probe(folder: &Path) -> io::Result<Self> {
        let bytes = vec![b'x'; PROBE_BYTES];
        let probe = folder.join("probe");
        fs::create_dir(&probe)?;
        let mut times = Vec::with_capacity(PROBES);
        for number in 0..PROBES {
            let mut file = fs::File::create(probe.join(number.to_string()))?;
            file.write_all(&bytes)?;
            let begun = Instant::now();
            file.sync_all()?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        aside::put(&probe, folder)?;
        times.sort_by(f64::total_cmp);
        Ok(Self {
            median: times[PROBES / 2],
            p99: times[PROBES * 99 / 100],
        })
    }
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} / {:.2} ms", self.median, self.p99)
    }
}

/// What the figures hold for.
pub(crate) fn identity(project: &Path, folder: &Path) -> Vec<(&'static str, String)> {
    let git = |args: &[&str]| output(Command::new("git").args(args).current_dir(project));
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    let dirty = if changed.is_empty() {
        ""
    } else {
        ", with changes"
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let file_system = output(Command::new("stat").args(["-f", "-c", "%T"]).arg(folder));
    let dovecot = output(Command::new("dovecot").arg("--version"));
    vec![
        ("commit", git(&["rev-parse", "--short=12", "HEAD"]) + dirty),
        (
            "date",
            jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
        ),
        (
            "machine",
            format!(
                "{} x {}, {} memory, {file_system}, Linux {}",
                cpu.matches("processor\t").count(),
                after(&cpu, "model name"),
                after(&memory, "MemTotal"),
                output(Command::new("uname").arg("-r")),
            ),
        ),
        (
            "peers",
            format!(
                "Dovecot {}, {}, {}, mail-builder 2, ammonia 4",
                dovecot.split(' ').next().unwrap_or_default(),
                output(Command::new("mbsync").arg("--version")),
                output(Command::new("python3").arg("--version")),
            ),
        ),
    ]
}

fn after<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_default()
        .trim_start_matches([' ', '\t', ':'])
        .trim()
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
