use std::time::Duration;

use serde::Deserialize;

/// A mailbox that is opened twice costs its server about twice the time per message, and the run shares
/// the machine with itself: deliveries wait for the end of planning, unless there are many or it is long.
/// A command does what it is called for, not what schedules say.
const PATIENT: &str = "[control]\nenough = 500\nlinger = \"5m\"\nschedule = false";

/// Who serves works like the cluster: schedules open runs.
#[cfg(feature = "console")]
const SERVING: &str = "[control]\nschedule = true";

/// Settings of the services in this process, from `CHATKEEP__SERVICE__KEY` variables.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) archive: Patience,
    #[cfg(feature = "console")]
    pub(crate) console: chatkeep_console::Settings,
    pub(crate) control: chatkeep_control::Settings,
    pub(crate) ingestion: chatkeep_ingestion::Settings,
    pub(crate) conversion: chatkeep_conversion::Settings,
    pub(crate) mapping: chatkeep_mapping::Settings,
    pub(crate) mailbox_import: chatkeep_mailbox_import::Settings,
}

/// How long a command waits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Patience {
    /// A server or disk that is down for longer fails the command; calling it again resumes.
    #[serde(with = "humantime_serde")]
    pub(crate) patience: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            patience: Duration::from_mins(1),
        }
    }
}

impl Settings {
    pub(crate) fn load() -> anyhow::Result<Self> {
        Ok(chatkeep_runtime::settings::load(PATIENT, None)?)
    }

    #[cfg(feature = "console")]
    pub(crate) fn load_for_serving() -> anyhow::Result<Self> {
        Ok(chatkeep_runtime::settings::load(SERVING, None)?)
    }
}
