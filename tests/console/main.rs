//! The console, as administrators see it: the real program and a real browser.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;

/// `chatkeep serve`, until it is dropped.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chatkeep"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
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

#[test]
fn an_administrator_finds_the_way_from_the_first_sign_in_to_a_held_users_mail() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/console/browser");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso");
    let folder = TempDir::new().unwrap();
    let pictures = std::env::var_os("CHATKEEP_PICTURES")
        .map_or(folder.path().into(), std::path::PathBuf::from);
    fs::create_dir_all(&pictures).unwrap();
    let mut serving = Serving::start(folder.path());
    let link = serving.address("to sign in");
    let site = serving.address("serving");

    let status = Command::new("node")
        .arg(tests.join("console.mjs"))
        .args([site, link])
        .args([&sample.canonicalize().unwrap(), folder.path(), &pictures])
        .status();

    assert!(status.unwrap().success(), "see the lines FAILED above");
}
