//! A sandbox that the command line archives through a system.

use std::{
    ops::{Deref, DerefMut},
    process::Command,
    sync::Arc,
};

use crate::{
    sandbox::{Outcome, Sandbox},
    servers::Servers,
    system::{Form, System},
};

/// A system, and the company that is archived through it.
pub(crate) struct Cluster {
    system: System,
    sandbox: Sandbox,
}

impl Cluster {
    /// Starts every program and waits until all are ready.
    pub(crate) fn start(servers: &Arc<Servers>, form: Form, sandbox: Sandbox) -> Self {
        let system = System::start(servers, form);
        Self { system, sandbox }
    }

    /// Where the company is.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The command line, asking this cluster's control.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        self.system.ask_control(&mut command);
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
}

impl Deref for Cluster {
    type Target = System;

    fn deref(&self) -> &System {
        &self.system
    }
}

impl DerefMut for Cluster {
    fn deref_mut(&mut self) -> &mut System {
        &mut self.system
    }
}
