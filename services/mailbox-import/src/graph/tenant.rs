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

use super::budget::Budget;
use crate::{
    ews::Server,
    exchange::{Stumbles, canary::Canary},
};

/// How long a folder is taken to be where it was found. Its owner may move it, also to the deleted items.
const FOLDER_LASTS: Duration = Duration::from_mins(5);
/// Folders that are remembered.
const REMEMBERED: usize = 4_096;

/// The tenants and servers that a process imports into: what is known of them is shared by all runs.
#[derive(Clone, Debug, Default)]
pub struct Tenants(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// By tenant and client.
    tenants: HashMap<(String, String), Arc<Tenant>>,
    /// By address.
    servers: HashMap<String, Arc<Server>>,
}

impl Tenants {
    /// The tenant of a credential.
    pub(super) fn of(&self, credential: &Credential) -> Arc<Tenant> {
        let key = (
            credential.tenant.to_lowercase(),
            credential.client.to_lowercase(),
        );
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.tenants.entry(key).or_default())
    }

    /// The Exchange server at this address.
    pub(crate) fn server(&self, url: &str) -> Arc<Server> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.servers.entry(url.to_owned()).or_default())
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
    pub(super) stumbles: Stumbles,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            budget: Mutex::new(Budget::new(Instant::now())),
            canary: tokio::sync::Mutex::default(),
            ahead: AtomicI64::new(0),
            folders: Mutex::default(),
            stumbles: Stumbles::default(),
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
}

fn our_time() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_clock_counts_not_ours() {
        let tenant = Tenant::default();
        let date = HeaderValue::from_static("Mon, 04 Mar 2019 10:00:00 GMT");

        tenant.note_time(Some(&date));

        assert!((tenant.time() - 1_551_693_600).abs() <= 1);
    }
}
