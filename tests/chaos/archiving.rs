//! `chatkeep archive` while things break.

use std::{
    fs::{self, File},
    process::{Child, Output},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{cluster::Cluster, sandbox::Outcome};

/// A run takes seconds; with its faults, tens of them.
const PATIENCE: Duration = Duration::from_mins(3);

/// A call of the command line that follows a run.
pub(crate) struct Archiving {
    child: Child,
    since: Instant,
}

impl Archiving {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let sandbox = cluster.sandbox();
        drop(fs::remove_file(sandbox.path("report.json")));
        let mut command =
            cluster.command(&["archive", "connector.toml", "--report", "report.json"]);
        command.stdout(File::create(sandbox.path("stdout")).unwrap());
        command.stderr(File::create(sandbox.path("stderr")).unwrap());
        // What is measured is whether the run goes on, not whether somebody watches.
        command.env("CHATKEEP__ARCHIVE__PATIENCE", "3m");
        Self {
            child: command.spawn().unwrap(),
            since: Instant::now(),
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Fails when the run hangs, with what the programs have said.
    pub(crate) fn assert_not_late(&self, cluster: &Cluster) {
        if self.since.elapsed() < PATIENCE {
            return;
        }
        for program in &cluster.programs {
            let log = program.log();
            let tail = log.len().saturating_sub(3_000);
            println!("{}: {}", program.name, log.get(tail..).unwrap_or_default());
        }
        panic!("the run hangs");
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self, cluster: &Cluster) -> Outcome {
        while !self.has_ended() {
            self.assert_not_late(cluster);
            thread::sleep(Duration::from_millis(50));
        }
        let read = |name: &str| fs::read(cluster.sandbox().path(name)).unwrap_or_default();
        let output = Output {
            status: self.child.wait().unwrap(),
            stdout: read("stdout"),
            stderr: read("stderr"),
        };
        let report = serde_json::from_slice(&read("report.json")).unwrap_or(Value::Null);
        Outcome::of(&output, report)
    }
}

impl Drop for Archiving {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
