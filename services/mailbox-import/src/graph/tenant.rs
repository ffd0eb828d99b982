//! What all mailboxes of an application and tenant share within a process.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chatkeep_model::connector::Credential;
use http::HeaderValue;

use super::{budget::Budget, canary::Canary};

/// How long a folder is taken to be where it was found. Its owner may move it, also to the deleted items.
const FOLDER_LASTS: Duration = Duration::from_mins(5);
/// Folders and messages that are remembered.
const REMEMBERED: usize = 4_096;
/// A message is given up after so many requests of which nobody knows what became of them. The pauses
/// between them double, up to an hour: it takes most of a day.
const MOST_STUMBLES: u32 = 24;
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The tenants that a process imports into: their budgets are shared by all runs.
#[derive(Clone, Debug, Default)]
pub struct Tenants(Arc<Mutex<Known>>);

/// By tenant and client.
type Known = HashMap<(String, String), Arc<Tenant>>;

impl Tenants {
    /// The tenant of a credential.
    pub(super) fn of(&self, credential: &Credential) -> Arc<Tenant> {
        let key = (
            credential.tenant.to_lowercase(),
            credential.client.to_lowercase(),
        );
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_default())
    }
}

/// Where a folder was found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Path of the mailbox.
    pub(super) root: Arc<str>,
    /// Id of the folder.
    pub(super) folder: String,
}

/// What is known of a tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) budget: Mutex<Budget>,
    pub(super) canary: tokio::sync::Mutex<Canary>,
    /// Server's clock minus ours, seconds.
    ahead: AtomicI64,
    /// By mailbox: when its folder was found, and where.
    folders: Mutex<HashMap<String, (Instant, Place)>>,
    /// By Message-ID: requests that were lost.
    stumbles: Mutex<HashMap<String, u32>>,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            budget: Mutex::new(Budget::new(Instant::now())),
            canary: tokio::sync::Mutex::default(),
            ahead: AtomicI64::new(0),
            folders: Mutex::default(),
            stumbles: Mutex::default(),
        }
    }
}

impl Tenant {
    /// Notes what time it is there, by the `Date` of an answer.
    pub(super) fn note_time(&self, date: Option<&HeaderValue>) {
        let date = date.and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            self.ahead
                .store(date.timestamp().as_second() - our_time(), Ordering::Relaxed);
        }
    }

    /// What time it is there, Unix seconds.
    pub(super) fn time(&self) -> i64 {
        our_time() + self.ahead.load(Ordering::Relaxed)
    }

    /// The folder of a mailbox, where it was found lately.
    pub(super) fn folder(&self, mailbox: &str) -> Option<Place> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, place) = folders.get(mailbox)?;
        (found.elapsed() < FOLDER_LASTS).then(|| place.clone())
    }

    /// Remembers the folder of a mailbox.
    pub(super) fn remember(&self, mailbox: &str, place: Place) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if folders.len() >= REMEMBERED {
            folders.retain(|_, (found, _)| found.elapsed() < FOLDER_LASTS);
        }
        if folders.len() < REMEMBERED {
            folders.insert(mailbox.to_owned(), (Instant::now(), place));
        }
    }

    /// Forgets the folder of a mailbox.
    pub(super) fn forget(&self, mailbox: &str) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.remove(mailbox);
    }

    /// Notes that nobody knows what became of a message; how long to leave its mailbox alone, at least
    /// `least`.
    pub(super) fn stumbled(&self, message: &str, least: Duration) -> Duration {
        let mut stumbles = self.stumbles.lock().unwrap_or_else(PoisonError::into_inner);
        if stumbles.len() >= REMEMBERED {
            stumbles.clear();
        }
        let times = stumbles.entry(message.to_owned()).or_default();
        let pause = least.saturating_mul(1 << (*times).min(12));
        *times += 1;
        pause.min(LONGEST_PAUSE).max(least)
    }

    /// Notes that a message arrived.
    pub(super) fn arrived(&self, message: &str) {
        let mut stumbles = self.stumbles.lock().unwrap_or_else(PoisonError::into_inner);
        stumbles.remove(message);
    }

    /// Whether a message was tried often enough.
    pub(super) fn is_given_up(&self, message: &str) -> bool {
        let stumbles = self.stumbles.lock().unwrap_or_else(PoisonError::into_inner);
        stumbles
            .get(message)
            .is_some_and(|&times| times >= MOST_STUMBLES)
    }
}

fn our_time() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_lost_again_and_again_is_given_up_at_last() {
        let tenant = Tenant::default();
        let least = Duration::from_mins(2);
        let mut all = Duration::ZERO;
        while !tenant.is_given_up("<a>") {
            all += tenant.stumbled("<a>", least);
        }

        assert!(
            all > Duration::from_hours(12) && all < Duration::from_hours(24),
            "{all:?}"
        );
        assert!(!tenant.is_given_up("<b>"));
        tenant.arrived("<a>");
        assert_eq!(tenant.stumbled("<a>", least), least);
    }

    #[test]
    fn the_servers_clock_counts_not_ours() {
        let tenant = Tenant::default();
        let date = HeaderValue::from_static("Mon, 04 Mar 2019 10:00:00 GMT");

        tenant.note_time(Some(&date));

        assert!((tenant.time() - 1_551_693_600).abs() <= 1);
    }
}
