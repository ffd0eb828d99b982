//! Chance that can be repeated, and how much of it the environment asks for.

use chatkeep_testkit::Seeded;

/// Numbers of the seed in `CHATKEEP_SEED`, or of another one each time; which one is printed.
#[expect(clippy::print_stdout, reason = "who repeats a test must know its seed")]
pub(crate) fn seeded() -> Seeded {
    let seed = setting("CHATKEEP_SEED", std::process::id().into());
    println!("seed {seed}: repeat with CHATKEEP_SEED={seed}");
    Seeded::new(seed)
}

/// A number that the environment sets.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "tests have no Settings")]
    let value = std::env::var(name);
    value
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}
