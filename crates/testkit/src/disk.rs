use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::lab::{LabError, is_root, run};

/// A file system in memory that is small enough to run full. Seen only in a mount namespace of its own,
/// which ends with this value; root is not needed where users may make namespaces.
#[derive(Debug)]
pub struct SmallDisk {
    /// Lives in the namespace and keeps it.
    keeper: Child,
    folder: PathBuf,
    /// Whether the namespace belongs to a user namespace, in which we are root.
    is_mapped: bool,
}

impl SmallDisk {
    /// Mounts one on a folder, making the folder where it is missing. `size` as mount takes it, e.g. `64k`.
    pub fn mount(folder: &Path, size: &str) -> Result<Self, LabError> {
        fs::create_dir_all(folder).map_err(LabError::Setup)?;
        // Root of a container may lack the right to mount, but not that to make a user namespace.
        let ways: &[bool] = if is_root() { &[false, true] } else { &[true] };
        let mut reasons = Vec::new();
        for is_mapped in ways {
            match keep(folder, size, *is_mapped)? {
                Ok(keeper) => {
                    return Ok(Self {
                        keeper,
                        folder: folder.to_owned(),
                        is_mapped: *is_mapped,
                    });
                }
                Err(reason) => reasons.push(reason.trim().to_owned()),
            }
        }
        Err(LabError::Missing(
            "the right to mount a tmpfs",
            format!(
                "{}; run as root with CAP_SYS_ADMIN, or allow user namespaces \
                 (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)",
                reasons.join("; ")
            ),
        ))
    }

    /// Makes it larger, or smaller down to what it holds.
    pub fn resize(&self, size: &str) -> Result<(), LabError> {
        let mut mount = self.command(OsStr::new("mount"), Path::new("/"));
        mount.args(["-o", &format!("remount,size={size}")]);
        run(mount.arg(&self.folder)).map(drop)
    }

    /// A program that sees the file system, in this current folder.
    pub fn command(&self, program: &OsStr, current: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.keeper.id()));
        command.arg("--mount");
        if self.is_mapped {
            command.args(["--user", "--preserve-credentials"]);
        }
        // Entering a mount namespace leaves the current folder.
        command.args(["--", "sh", "-c", "cd \"$0\" && exec \"$@\""]);
        command.arg(current).arg(program);
        command
    }

    /// Where who does not see the file system finds an absolute path as those see it who do.
    pub fn seen_from_outside(&self, path: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.id());
        Path::new(&root).join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// Mounts, and starts the process that keeps the mount until its input ends; else the reason why not.
fn keep(folder: &Path, size: &str, is_mapped: bool) -> Result<Result<Child, String>, LabError> {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if is_mapped {
        command.arg("--map-root-user");
    }
    let script = "mount -t tmpfs -o \"size=$0\" tmpfs \"$1\" && echo mounted && exec cat";
    command.args(["--", "sh", "-c", script, size]).arg(folder);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut keeper = command.spawn().map_err(LabError::Setup)?;
    let mut said = String::new();
    if let Some(output) = keeper.stdout.take() {
        let read = BufReader::new(output).read_line(&mut said);
        read.map_err(LabError::Setup)?;
    }
    if said == "mounted\n" {
        return Ok(Ok(keeper));
    }
    let mut reason = String::new();
    if let Some(mut errors) = keeper.stderr.take() {
        let read = errors.read_to_string(&mut reason);
        read.map_err(LabError::Setup)?;
    }
    keeper.wait().map_err(LabError::Setup)?;
    Ok(Err(reason))
}
