//! How much of freed memory a process keeps.

/// Lets all threads share two pools of freed memory: starts the program anew, with `MALLOC_ARENA_MAX=2` in
/// its environment, unless that says something of it already. Call it first in `main`: what was done before
/// is done twice. Where it cannot be done the program goes on as it is.
///
/// glibc has up to eight pools for each processor and gives freed memory to threads of the same pool only;
/// it reads the variable once, before `main`, and another way to say it is not safe Rust.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn share_freed_memory() {
    use std::{env, os::unix::process::CommandExt as _, process::Command};

    const ARENAS: &str = "MALLOC_ARENA_MAX";
    let Ok(program) = env::current_exe() else {
        return;
    };
    // Whoever is started through the loader would start that.
    let name = program.file_name().unwrap_or_default();
    if env::var_os(ARENAS).is_some() || name.as_encoded_bytes().starts_with(b"ld-") {
        return;
    }
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // Comes back only where nothing was started.
    drop(command.args(arguments).env(ARENAS, "2").exec());
}

/// Does nothing: only glibc keeps memory for each thread.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn share_freed_memory() {}
