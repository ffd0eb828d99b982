//! Reports of runs as a real mail server takes them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod delivered;
mod faults;
#[expect(dead_code, reason = "for the tests of `it`")]
#[path = "../it/lab.rs"]
mod lab;
mod office;
#[expect(dead_code, reason = "for the tests of `it`")]
#[path = "../it/world.rs"]
mod world;

mod store {
    use std::path::Path;

    use chatkeep_control::Settings;

    pub(crate) fn settings(_folder: &Path, settings: &Settings) -> Settings {
        settings.clone()
    }
}
