use std::time::Duration;

use super::{Quirk, Role};

/// What can be different about a tenant.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much it takes.
    pub limits: Limits,
    /// How long a token lasts.
    pub token_lasts: Duration,
    /// How long a request takes, at least.
    pub latency: Duration,
    /// The application permissions that were granted.
    pub roles: Vec<Role>,
    /// Users on a page that does not say how many it wants.
    pub page: usize,
    /// A round of changes names only the properties that changed, as with `Prefer: return=minimal`.
    pub changes_are_minimal: bool,
    /// What it does otherwise.
    pub quirks: Vec<Quirk>,
    /// Keeps every body, for [`Tenant::recorded`](super::Tenant::recorded).
    pub records_bodies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            token_lasts: Duration::from_hours(1),
            latency: Duration::ZERO,
            roles: vec![Role::UserReadAll, Role::MailReadWrite],
            page: 100,
            changes_are_minimal: false,
            quirks: Vec::new(),
            records_bodies: false,
        }
    }
}

/// How much a tenant takes ("Microsoft Graph service-specific throttling limits", Outlook service limits
/// and identity and access).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests per mailbox in a window.
    pub requests: u32,
    /// The window of `requests`.
    pub window: Duration,
    /// Requests to one mailbox at the same time.
    pub concurrent: u32,
    /// Bytes of bodies per mailbox in a window.
    pub upload: u64,
    /// The window of `upload`.
    pub upload_window: Duration,
    /// Requests of the whole application to mailboxes, in ten seconds.
    pub tenant: Option<u32>,
    /// Requests for users, in ten seconds.
    pub directory: Option<u32>,
    /// Says when to come back (`Retry-After`); Graph does not always.
    pub says_when: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 10_000,
            window: Duration::from_mins(10),
            concurrent: 4,
            upload: 150_000_000,
            upload_window: Duration::from_mins(5),
            tenant: None,
            directory: None,
            says_when: true,
        }
    }
}
