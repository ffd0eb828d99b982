//! A way through the console in a browser.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::serving::Serving;

/// Browsers want a processor each: one journey after the other.
static ONE: Mutex<()> = Mutex::new(());

/// A journey, and the folder it writes into.
pub(crate) struct Journey {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Journey {
    /// Waits until nobody else is under way.
    pub(crate) fn begin() -> Self {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            folder: TempDir::new().unwrap(),
            _alone: alone,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Starts the program with these settings, and goes. Without an issuer the journey has the link that signs in.
    pub(crate) fn go(&self, script: &str, settings: &[(&str, String)], more: &Value) {
        let mut serving = Serving::start(self.folder(), settings);
        let link = more.get("issuer").is_none().then(|| serving.link());
        let site = serving.site();
        self.travel(script, &site, link.as_deref(), more);
    }

    /// Goes through a console that is there.
    pub(crate) fn travel(&self, script: &str, site: &str, link: Option<&str>, more: &Value) {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let pictures =
            std::env::var_os("CHATKEEP_PICTURES").map_or(self.path("pictures"), PathBuf::from);
        fs::create_dir_all(&pictures).unwrap();
        let sample = manifest.join("../../examples/contoso").canonicalize();
        let mut given = json!({
            "site": site, "link": link, "sample": sample.unwrap(), "work": self.folder(), "pictures": pictures,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            given[name] = value.clone();
        }
        let browser = manifest.join("../../tests/console/browser");
        let status = Command::new("node")
            .arg(browser.join(format!("{script}.mjs")))
            .arg(given.to_string())
            .status();
        assert!(status.unwrap().success(), "see the lines FAILED above");
    }
}
