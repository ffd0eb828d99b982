//! The program, serving.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// `chatkeep serve`, until it is dropped.
pub(crate) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Serving {
    /// Starts it in a folder, with settings from the environment.
    pub(crate) fn start(folder: &Path, settings: &[(&str, String)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chatkeep"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// The link that signs in once; it is printed where there is no issuer, before anything else.
    pub(crate) fn link(&mut self) -> String {
        self.address("to sign in")
    }

    /// Where the console is.
    pub(crate) fn site(&mut self) -> String {
        self.address("serving")
    }

    /// The first address in the line that begins with these words.
    fn address(&mut self, words: &str) -> String {
        let mut line = String::new();
        while !line.starts_with(words) {
            line.clear();
            let read = self.stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without a word of {words:?}");
        }
        let mut all = line.split_whitespace();
        all.find(|word| word.starts_with("http"))
            .unwrap()
            .to_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
