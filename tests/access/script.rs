//! The real program, as scripts call it on machines that have neither ledger nor certificates.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::json;
use tempfile::TempDir;

use crate::system::System;

/// What a command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Printed {
    /// The result and how it ended: what a script goes by.
    pub(crate) fn result(&self) -> (Option<i32>, &str) {
        (self.code, &self.stdout)
    }

    pub(crate) fn assert_done(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }

    /// It failed with one line that says so.
    pub(crate) fn assert_refused(&self, why: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        let lines: Vec<_> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{self:?}");
        assert!(lines[0].starts_with("error: "), "{self:?}");
        assert!(lines[0].contains(why), "{self:?}");
    }
}

/// A script with a server and a token.
pub(crate) struct Script {
    folder: TempDir,
    pub(crate) options: Vec<String>,
    pub(crate) patience: &'static str,
}

impl Script {
    /// Of somebody with these roles.
    pub(crate) fn new(system: &System, roles: &[&str]) -> Self {
        let claims = json!({ "roles": roles, "sub": roles.join("+") });
        let token = system.provider().access_token(&claims);
        Self::with_token(&system.origin, &token)
    }

    pub(crate) fn with_token(server: &str, token: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, format!("{token}\n")).unwrap();
        let options = ["--server", server, "--token-file", file.to_str().unwrap()];
        Self {
            folder,
            options: options.map(str::to_owned).to_vec(),
            patience: "60s",
        }
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// In a folder where there is nothing but the token.
    pub(crate) fn run(&self, arguments: &[&str]) -> Printed {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Printed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
        command
            .current_dir(self.folder.path())
            .env("CHATKEEP__ARCHIVE__PATIENCE", self.patience)
            .args(&self.options)
            .args(arguments);
        finish(&mut command, input)
    }
}

/// The program beside the ledger, in a folder with a connector file.
pub(crate) fn local(folder: &Path, arguments: &[&str]) -> Printed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
    finish(command.current_dir(folder).args(arguments), "")
}

fn finish(command: &mut Command, input: &str) -> Printed {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Most commands read nothing, and may have ended.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Printed {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}
