//! Programs of others that put a Maildir tree into a Dovecot.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
};

use anyhow::Context as _;
use chatkeep_testkit::Dovecot;

use crate::measure;

/// What several processes run at the same time: each works off its own list.
pub(crate) type Prepared = Vec<Vec<Command>>;

/// Prepares the peers for one server.
#[derive(Debug)]
pub(crate) struct Peers<'a> {
    dovecot: &'a Dovecot,
    work: &'a Path,
}

impl<'a> Peers<'a> {
    pub(crate) fn new(dovecot: &'a Dovecot, work: &'a Path) -> Self {
        Self { dovecot, work }
    }

    /// A script that appends message by message.
    pub(crate) fn imaplib(&self, script: &Path, tree: &Path) -> Vec<Command> {
        let mut command = Command::new("python3");
        let port = self.dovecot.address().port().to_string();
        command
            .arg(script)
            .args([&port, Dovecot::PASSWORD])
            .arg(tree);
        vec![command]
    }

    /// isync's mbsync, pushing.
    pub(crate) fn mbsync(&self, tree: &Path, processes: usize) -> anyhow::Result<Prepared> {
        let tree = self.copy(tree)?;
        let mailboxes = names(&tree)?;
        let mut prepared = Prepared::new();
        for number in 0..processes {
            let mut text = String::from("FSync yes\n\n");
            for mailbox in mailboxes.iter().skip(number).step_by(processes) {
                text.push_str(&self.channel(&tree, mailbox));
            }
            let file = self.work.join(format!("mbsync{number}"));
            fs::write(&file, text)?;
            let mut command = Command::new("mbsync");
            command.args(["-q", "-q", "-a", "-c"]).arg(&file);
            prepared.push(vec![command]);
        }
        Ok(prepared)
    }

    fn channel(&self, tree: &Path, mailbox: &str) -> String {
        let (port, password) = (self.dovecot.address().port(), Dovecot::PASSWORD);
        let (tree, work) = (tree.display(), self.work.display());
        let name = mailbox.replace('@', "-");
        format!(
            "IMAPAccount {name}\nHost 127.0.0.1\nPort {port}\nUser {mailbox}\nPass {password}\nSSLType None\nAuthMechs \
             LOGIN\n\nIMAPStore {name}-far\nAccount {name}\n\nMaildirStore {name}-near\nInbox {tree}/{mailbox}\n\n\
             Channel {name}\nFar :{name}-far:\nNear :{name}-near:\nPatterns INBOX\nSync Push New\nCopyArrivalDate \
             yes\nSyncState {work}/state-{name}-\n\n"
        )
    }

    /// Dovecot's own import, a process per mailbox.
    pub(crate) fn doveadm_import(&self, tree: &Path, processes: usize) -> anyhow::Result<Prepared> {
        let tree = self.copy(tree)?;
        let mut chown = Command::new("chown");
        let owner = format!("--reference={}", self.dovecot.mail("").display());
        measure::run(
            chown.arg("-R").arg(owner).arg(&tree),
            &self.work.join("chown.log"),
        )?
        .expect("chown", &[0])?;
        let configuration = self.dovecot.mail("").join("../dovecot.conf");
        let mut prepared: Prepared = (0..processes).map(|_| Vec::new()).collect();
        for (number, mailbox) in names(&tree)?.iter().enumerate() {
            let mut command = Command::new("doveadm");
            command.arg("-c").arg(&configuration);
            command.args(["-o", "maildir_copy_with_hardlinks=no", "import"]);
            command
                .arg(format!("maildir:{}/{mailbox}", tree.display()))
                .args(["", "all"]);
            // Without -u it takes the user from here and asks nobody, which can only be faster.
            command.env("USER", mailbox);
            prepared[number % processes].push(command);
        }
        Ok(prepared)
    }

    /// Peers rename files of their source: they get names of their own, the bytes are shared.
    fn copy(&self, tree: &Path) -> anyhow::Result<PathBuf> {
        let copy = self.work.join("source");
        let mut command = Command::new("cp");
        command.arg("-al").arg(tree).arg(&copy);
        measure::run(&mut command, &self.work.join("cp.log"))?.expect("cp", &[0])?;
        Ok(copy)
    }
}

fn names(tree: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(tree)?.collect::<Result<Vec<_>, _>>()?;
    let names = entries
        .iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// Works the lists off, all at the same time, and waits for the last one.
pub(crate) fn run(prepared: Prepared, work: &Path) -> anyhow::Result<()> {
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for (number, commands) in prepared.into_iter().enumerate() {
            let (failure, log) = (&failure, work.join(format!("peer{number}.log")));
            scope.spawn(move || {
                if let Err(error) = one_by_one(commands, &log)
                    && let Ok(mut failure) = failure.lock()
                {
                    *failure = Some(error);
                }
            });
        }
    });
    let failure = failure.into_inner().ok().context("a peer's thread broke")?;
    failure.map_or(Ok(()), Err)
}

fn one_by_one(commands: Vec<Command>, log: &Path) -> anyhow::Result<()> {
    for mut command in commands {
        let program = command.get_program().to_string_lossy().into_owned();
        let output = command
            .output()
            .with_context(|| format!("start {program}"))?;
        if !output.status.success() {
            fs::write(log, &output.stderr)?;
            anyhow::bail!(
                "{program} failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    Ok(())
}
