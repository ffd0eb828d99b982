//! A company in a temporary folder, archived by the real program.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use chatkeep_testkit::SmallDisk;
use data_encoding::BASE64_MIME;
use serde_json::Value;
use tempfile::TempDir;

/// A connector file, export and compliance folders, a directory; everybody is at contoso.com.
pub(crate) struct Sandbox {
    // Before the folder: it lies on it.
    disk: Option<SmallDisk>,
    folder: TempDir,
}

/// What one call of the program came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What `--report` wrote; null when nothing was written.
    pub(crate) report: Value,
}

/// A mail as it lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mail {
    pub(crate) bytes: Vec<u8>,
}

const DIRECTORY: &str = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress
ann@contoso.com,Ann Archer,ann@contoso.com,SMTP:ann@contoso.com;sip:ann@contoso.com,sip:ann@contoso.com
bob@contoso.com,Bob Baker,bob@contoso.com,SMTP:bob@contoso.com,sip:bob@contoso.com
cem@contoso.com,Cem Can,cem.can@contoso.com,SMTP:cem.can@contoso.com;smtp:cem@contoso.com,sip:cem@contoso.com
";

const CONNECTOR: &str = r#"name = "Sandbox"
domain = "contoso.com"

[[sources]]
type = "archiving-export"
path = "exports"

[[sources]]
type = "persistent-chat-xml"
path = "compliance"

[directory]
type = "csv"
path = "directory.csv"

"#;

const MAILDIR_TARGET: &str = "[target]\ntype = \"maildir\"\npath = \"mailboxes\"\n";

impl Sandbox {
    /// Archives into Maildir.
    pub(crate) fn new() -> Self {
        Self::into_target(MAILDIR_TARGET)
    }

    /// Archives into the target of this `[target]` table.
    pub(crate) fn into_target(target: &str) -> Self {
        let sandbox = Self {
            disk: None,
            folder: TempDir::new().unwrap(),
        };
        for folder in ["exports", "compliance"] {
            fs::create_dir(sandbox.path(folder)).unwrap();
        }
        sandbox.write("directory.csv", DIRECTORY);
        sandbox.write("connector.toml", format!("{CONNECTOR}{target}"));
        sandbox
    }

    /// Makes one of its folders a file system of this size, as `mount` takes it.
    pub(crate) fn with_small_disk(mut self, folder: &str, size: &str) -> Self {
        self.disk = Some(SmallDisk::mount(&self.path(folder), size).unwrap());
        self
    }

    /// The small file system.
    pub(crate) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().unwrap()
    }

    /// A copy of a folder that holds a `connector.toml`.
    pub(crate) fn copy_of(source: &Path) -> Self {
        let sandbox = Self {
            disk: None,
            folder: TempDir::new().unwrap(),
        };
        copy_tree(source, sandbox.folder.path());
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        match &self.disk {
            Some(disk) => disk.seen_from_outside(&path),
            None => path,
        }
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Changes the connector file.
    pub(crate) fn edit_connector(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("connector.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        self.write("connector.toml", text.replace(from, to));
    }

    /// Writes an exported session of two: `lines` are `(sender, text)`.
    pub(crate) fn session(&self, file: &str, minute: u32, lines: &[(&str, &str)]) {
        self.write(&format!("exports/{file}.eml"), session(minute, lines));
    }

    /// The program, its state beside the connector file.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_chatkeep");
        let mut command = match &self.disk {
            Some(disk) => disk.command(program.as_ref(), self.folder.path()),
            None => Command::new(program),
        };
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("CHATKEEP__CONTROL__FENCE", "1s");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        Outcome::of(&output, Value::Null)
    }

    /// `chatkeep archive connector.toml --report ...`.
    pub(crate) fn archive(&self) -> Outcome {
        self.archive_with(&[])
    }

    /// `chatkeep archive` with more arguments.
    pub(crate) fn archive_with(&self, more: &[&str]) -> Outcome {
        let mut arguments = vec!["archive", "connector.toml", "--report", "report.json"];
        arguments.extend(more);
        self.archive_by(&mut self.command(&arguments))
    }

    /// What a command came to that writes `report.json`.
    pub(crate) fn archive_by(&self, command: &mut Command) -> Outcome {
        let report = self.path("report.json");
        drop(fs::remove_file(&report));
        let output = command.output().unwrap();
        let written = fs::read(&report).map_or(Value::Null, |json| {
            serde_json::from_slice(&json).expect("the report is JSON")
        });
        Outcome::of(&output, written)
    }

    /// The mails in a Maildir mailbox, sorted.
    pub(crate) fn mails(&self, mailbox: &str) -> Vec<Mail> {
        let folder = self
            .path("mailboxes")
            .join(mailbox)
            .join(".Skype for Business");
        let mut mails = Vec::new();
        for part in ["cur", "new"] {
            let Ok(entries) = fs::read_dir(folder.join(part)) else {
                continue;
            };
            mails.extend(entries.map(|entry| Mail {
                bytes: fs::read(entry.unwrap().path()).unwrap(),
            }));
        }
        mails.sort();
        mails
    }

    /// The mails of every Maildir mailbox there is.
    pub(crate) fn all_mails(&self) -> BTreeMap<String, Vec<Mail>> {
        let Ok(entries) = fs::read_dir(self.path("mailboxes")) else {
            return BTreeMap::new();
        };
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let names = entries.map(|entry| name(entry.unwrap()));
        names
            .map(|name| (name.clone(), self.mails(&name)))
            .collect()
    }
}

impl Outcome {
    pub(crate) fn of(output: &Output, report: Value) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            report,
        }
    }

    /// A number of the report, by its path: `records.read`.
    pub(crate) fn count(&self, path: &str) -> u64 {
        let pointer = format!("/{}", path.replace('.', "/"));
        let value = self.report.pointer(&pointer).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no {path} in {self:?}"))
    }

    /// Asserts that both equations hold in the report.
    pub(crate) fn assert_closed(&self) {
        let parts = ["rendered", "duplicates", "excluded", "quarantined", "open"];
        let records = parts.map(|part| self.count(&format!("records.{part}")));
        assert_eq!(self.count("records.read"), records.iter().sum::<u64>());
        let parts = [
            "imported",
            "partially_imported",
            "skipped",
            "failed",
            "held",
        ];
        let deliveries = parts.map(|part| self.count(&format!("deliveries.{part}")));
        assert_eq!(
            self.count("deliveries.planned"),
            deliveries.iter().sum::<u64>()
        );
    }
}

impl Mail {
    /// A header's unfolded value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let head = text
            .split("\r\n\r\n")
            .next()?
            .replace("\r\n ", " ")
            .replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_lowercase());
        let line = head
            .split("\r\n")
            .find(|line| line.to_lowercase().starts_with(&prefix))?;
        Some(line[prefix.len()..].trim().to_owned())
    }

    /// What a mail program shows as text.
    pub(crate) fn text(&self) -> String {
        let message = mail_parser::MessageParser::default()
            .parse(&self.bytes)
            .unwrap();
        message.body_text(0).unwrap().into_owned()
    }
}

/// An exported session of two of contoso.com, `minute` minutes after eight.
pub(crate) fn session(minute: u32, lines: &[(&str, &str)]) -> String {
    let address = |name: &str| format!("{name}@contoso.com");
    let from = lines[0].0;
    let other = lines
        .iter()
        .map(|(sender, _)| *sender)
        .find(|sender| *sender != from);
    let lines: Vec<_> = lines
        .iter()
        .map(|(sender, text)| (address(sender), *text))
        .collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|(sender, text)| (sender.as_str(), *text))
        .collect();
    let to = address(other.unwrap_or("bob"));
    session_at(minute as usize, &address(from), &to, &lines)
}

/// An exported session of two, modelled after the published Export-CsArchivingData format, so many minutes
/// after eight on Monday, 14 September 2026; no later than that month.
pub(crate) fn session_at(minute: usize, from: &str, to: &str, lines: &[(&str, &str)]) -> String {
    let (hours, minute) = (8 + minute / 60, minute % 60);
    let (days, hour) = (hours / 24, hours % 24);
    let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][days % 7];
    let day = 14 + days;
    assert!(day <= 30, "no {day} September");
    let row = |(second, (sender, text)): (usize, &(&str, &str))| {
        format!("<div>[{hour:02}:{minute:02}:{second:02}] {sender}: {text}</div>\r\n")
    };
    let rows: Vec<_> = lines.iter().enumerate().map(row).collect();
    let html = format!("<html><body>\r\n{}</body></html>\r\n", rows.concat());
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Conversation between {from} and {to}\r\nDate: {weekday}, {day} Sep 2026 \
         {hour:02}:{minute:02}:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; \
         boundary=\"MIME_Boundary\"\r\n\r\n--MIME_Boundary\r\nContent-Type: text/html; \
         charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--MIME_Boundary--\r\n",
        BASE64_MIME.encode(html.as_bytes()).trim_end()
    )
}

/// Copies a folder, without what archiving put into it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == ".chatkeep" || entry.file_name() == "mailboxes" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            let copied = fs::copy(entry.path(), &target).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            let file = fs::File::options().append(true).open(&target).unwrap();
            file.set_modified(modified).unwrap();
            assert_eq!(copied, entry.metadata().unwrap().len());
        }
    }
}
