/// A named point at which a test kills the process as `kill -9` would.
///
/// Nothing at all without the feature `crash-points`. With it, the environment variable
/// `CHATKEEP_CRASH_AT=name:n` kills the process when it passes the point for the `n`th time, counted
/// from 1. Points: staged, recorded, converted, planned, journaled, sent, linked, done, sealed, kept,
/// cleared, reported.
#[cfg(not(feature = "crash-points"))]
pub fn crash_point(_name: &'static str) {}

/// A named point at which a test kills the process as `kill -9` would, or interrupts it.
///
/// The environment variable `CHATKEEP_CRASH_AT=name:n` kills the process when it passes the point for
/// the `n`th time, counted from 1; `CHATKEEP_CRASH_AT=name:n:INT` interrupts it as Ctrl-C would.
#[cfg(feature = "crash-points")]
pub fn crash_point(name: &'static str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    };

    use rustix::process::Signal;

    static PLANNED: OnceLock<Option<(String, u32, Signal)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let planned = PLANNED.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "only in builds for crash tests")]
        let plan = std::env::var("CHATKEEP_CRASH_AT").ok()?;
        let (name, rest) = plan.split_once(':')?;
        let (count, signal) = match rest.strip_suffix(":INT") {
            Some(count) => (count, Signal::INT),
            None => (rest, Signal::KILL),
        };
        Some((name.to_owned(), count.parse().ok()?, signal))
    });
    let Some((point, count, signal)) = planned else {
        return;
    };
    if point == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        let this = rustix::process::getpid();
        if rustix::process::kill_process(this, *signal).is_err() {
            std::process::abort();
        }
    }
}
