//! What a thing cost: time, CPU of everybody involved, memory, and who disturbed it.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

/// Linux counts CPU in /proc in hundredths of a second, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// One measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// What was done: deliveries, conversations, lines.
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// CPU seconds of the program measured, its children included.
    pub(crate) client: f64,
    /// CPU seconds of the mail server.
    pub(crate) server: f64,
    /// Cores kept busy by others.
    pub(crate) foreign: f64,
    /// Peak memory of the program measured, bytes; 0 where it is not a process of its own.
    pub(crate) peak: u64,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        float(self.count) / self.seconds.max(1e-9)
    }

    pub(crate) fn client_micros(&self) -> f64 {
        self.client * 1e6 / float(self.count).max(1.0)
    }

    pub(crate) fn server_micros(&self) -> f64 {
        self.server * 1e6 / float(self.count).max(1.0)
    }
}

/// Counts that are shown, never computed with exactly.
#[expect(clippy::cast_precision_loss, reason = "figures have three digits")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A running measurement.
#[derive(Debug)]
pub(crate) struct Meter {
    begun: Instant,
    client: f64,
    server: f64,
    busy: f64,
    server_pid: Option<u32>,
}

impl Meter {
    /// Starts to measure this process, its children and a server.
    pub(crate) fn start(server_pid: Option<u32>) -> anyhow::Result<Self> {
        // What was written before must not be paid for now.
        rustix::fs::sync();
        Ok(Self {
            client: own_cpu() + children_cpu()?,
            server: server_pid.map_or(0.0, tree_cpu),
            busy: busy_cpu()?,
            server_pid,
            begun: Instant::now(),
        })
    }

    /// Ends the measurement.
    pub(crate) fn stop(self, count: u64, bytes: u64) -> anyhow::Result<Sample> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let client = own_cpu() + children_cpu()? - self.client;
        let server = self.server_pid.map_or(0.0, tree_cpu) - self.server;
        let busy = busy_cpu()? - self.busy;
        Ok(Sample {
            count,
            bytes,
            seconds,
            client,
            server,
            foreign: ((busy - client - server) / seconds).max(0.0),
            peak: 0,
        })
    }
}

/// CPU seconds of this thread.
pub(crate) fn thread_cpu() -> f64 {
    clock(ClockId::ThreadCPUTime)
}

fn own_cpu() -> f64 {
    clock(ClockId::ProcessCPUTime)
}

fn clock(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    float(u64::try_from(time.tv_sec).unwrap_or_default()) + float(nanoseconds) / 1e9
}

/// CPU seconds of children that were waited for, and of theirs.
pub(crate) fn children_cpu() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("read /proc/self/stat")?;
    Ok(fields(&stat).map_or(0.0, |fields| ticks(&fields, 13)))
}

/// CPU seconds of the machine spent on anything.
fn busy_cpu() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let numbers = line.split_whitespace().skip(1).take(8);
    // user nice system idle iowait irq softirq steal
    let busy = numbers.enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
    let busy: f64 = busy
        .filter_map(|(_, number)| number.parse::<f64>().ok())
        .sum();
    Ok(busy / TICKS_PER_SECOND)
}

/// CPU seconds of a process and everything below it.
pub(crate) fn tree_cpu(root: u32) -> f64 {
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().parse::<u32>();
        if let Ok(pid) = pid
            && let Some((parent, cpu)) = process_cpu(&entry.path())
        {
            processes.insert(pid, (parent, cpu));
        }
    }
    let is_below = |mut pid: u32| {
        while pid != root {
            match processes.get(&pid) {
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        true
    };
    let tree = processes.iter().filter(|(pid, _)| is_below(**pid));
    tree.map(|(_, (_, cpu))| cpu).sum()
}

/// Parent and CPU seconds, waited-for children included.
fn process_cpu(folder: &Path) -> Option<(u32, f64)> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let fields = fields(&stat)?;
    let parent = fields.get(1)?.parse().ok()?;
    // The first thread in nanoseconds, where ticks lose too much of many short processes; or all threads.
    let schedstat = fs::read_to_string(folder.join("schedstat")).ok()?;
    let nanoseconds: u64 = schedstat.split(' ').next()?.parse().ok()?;
    let own = ticks(&fields, 11).max(float(nanoseconds) / 1e9);
    Some((parent, own + ticks(&fields, 13)))
}

/// The fields of /proc/PID/stat after the command, which may hold spaces.
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

/// Seconds in two neighbouring fields of ticks.
fn ticks(fields: &[&str], first: usize) -> f64 {
    let both = fields.iter().skip(first).take(2);
    let sum: f64 = both.filter_map(|field| field.parse::<f64>().ok()).sum();
    sum / TICKS_PER_SECOND
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    /// Peak memory, bytes.
    pub(crate) peak: u64,
}

impl Ended {
    /// An error, with what the child printed, unless it ended with one of these codes.
    pub(crate) fn expect(self, what: &str, codes: &[i32]) -> anyhow::Result<Self> {
        let is_fine = self.code.is_some_and(|code| codes.contains(&code));
        anyhow::ensure!(
            is_fine,
            "{what} ended with {:?}: {}",
            self.code,
            self.output
        );
        Ok(self)
    }
}

/// Runs a program to its end and watches its memory.
pub(crate) fn run(command: &mut Command, log: &Path) -> anyhow::Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = fs::File::create(log).context("make log file")?;
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let mut child = command
        .spawn()
        .with_context(|| format!("start {program}"))?;
    let status = format!("/proc/{}/status", child.id());
    let is_over = AtomicBool::new(false);
    let (ended, peak) = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !is_over.load(Ordering::Relaxed) {
                peak = peak_memory(&status).unwrap_or(peak);
                thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        let ended = child.wait();
        is_over.store(true, Ordering::Relaxed);
        (ended, watch.join().unwrap_or_default())
    });
    Ok(Ended {
        code: ended.with_context(|| format!("wait for {program}"))?.code(),
        output: fs::read_to_string(log).unwrap_or_default(),
        peak,
    })
}

fn peak_memory(status: &str) -> io::Result<u64> {
    let status = fs::read_to_string(status)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_measured_whole() {
        let folder = tempfile::tempdir().unwrap();
        let meter = Meter::start(None).unwrap();
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done",
        ]);
        let ended = run(&mut command, &folder.path().join("log")).unwrap();
        let sample = meter.stop(1, 0).unwrap();

        assert_eq!((ended.code, ended.output.trim()), (Some(0), "done"));
        assert!(ended.peak > 0 && sample.client > 0.0 && sample.seconds >= 0.0);
    }
}
