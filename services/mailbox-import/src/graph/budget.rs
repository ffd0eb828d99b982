//! What Exchange Online lets one application do with one mailbox, and with a whole tenant ("Microsoft Graph
//! service-specific throttling limits", Outlook service limits): kept here, so that nothing is sent only
//! to be refused. Pure logic: who asks brings the time.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Requests to one mailbox at the same time.
pub(super) const CONCURRENT: usize = 4;
/// Accounts of mailboxes that are kept; beyond it those are forgotten that have nothing left to remember.
const ACCOUNTS: usize = 4_096;
/// Pauses where a mailbox is throttled and nobody says for how long: doubled from refusal to refusal.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// So much in each window, wherever it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Requests or bytes.
    amount: u64,
    window: Duration,
    /// Of it, what may go at once; the rest goes evenly, so that no window ever holds more than `amount`.
    burst: u64,
}

/// 10,000 requests in 10 minutes, application and mailbox.
const REQUESTS: Limit = Limit {
    amount: 10_000,
    window: Duration::from_mins(10),
    burst: 300,
};
/// 150 MB of uploads in 5 minutes, application and mailbox. The burst lets one whole request through.
const BYTES: Limit = Limit {
    amount: 150_000_000,
    window: Duration::from_mins(5),
    burst: 6_000_000,
};
/// 2,000 requests in a second, application, all its mailboxes together. Newer texts name more.
const TENANT: Limit = Limit {
    amount: 20_000,
    window: Duration::from_secs(10),
    burst: 400,
};

impl Limit {
    /// The time after which so much more may go.
    fn time(self, amount: u64) -> Duration {
        let nanos =
            self.window.as_nanos() * u128::from(amount) / u128::from(self.amount - self.burst);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How much of a limit is used: the time at which nothing of it will be (the generic cell rate
/// algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    unused_at: Duration,
}

impl Account {
    /// How long to wait before so much may go; zero for now.
    fn wait(self, now: Duration, limit: Limit, amount: u64) -> Duration {
        // More than goes at once would never go.
        let after = self.unused_at.max(now) + limit.time(amount.min(limit.burst));
        after.saturating_sub(now + limit.time(limit.burst))
    }

    fn take(&mut self, now: Duration, limit: Limit, amount: u64) {
        self.unused_at = self.unused_at.max(now) + limit.time(amount);
    }
}

/// What one mailbox has used.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    requests: Account,
    bytes: Account,
    paused_until: Duration,
    /// Refusals in a row.
    refusals: u32,
}

impl Usage {
    /// Whether forgetting it would let more go than may.
    fn matters(&self, now: Duration) -> bool {
        let ends = [
            self.requests.unused_at,
            self.bytes.unused_at,
            self.paused_until,
        ];
        ends.iter().any(|&end| end > now)
    }
}

/// The budgets of one application in one tenant.
#[derive(Debug)]
pub(super) struct Budget {
    start: Instant,
    tenant: Account,
    mailboxes: HashMap<String, Usage>,
}

impl Budget {
    /// Nothing is used yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            tenant: Account::default(),
            mailboxes: HashMap::new(),
        }
    }

    /// Asks to send one request of so many bytes to a mailbox now. It counts as sent when the answer is
    /// yes; otherwise the answer is when to ask again.
    pub(super) fn ask(&mut self, now: Instant, mailbox: &str, bytes: u64) -> Result<(), Duration> {
        let now = now.saturating_duration_since(self.start);
        let of_tenant = self.tenant.wait(now, TENANT, 1);
        let usage = self.usage(now, mailbox);
        let waits = [
            usage.paused_until.saturating_sub(now),
            usage.requests.wait(now, REQUESTS, 1),
            usage.bytes.wait(now, BYTES, bytes),
            of_tenant,
        ];
        match waits.into_iter().max() {
            Some(wait) if wait > Duration::ZERO => return Err(wait),
            _ => {}
        }
        usage.requests.take(now, REQUESTS, 1);
        usage.bytes.take(now, BYTES, bytes);
        self.tenant.take(now, TENANT, 1);
        Ok(())
    }

    /// Leaves a mailbox alone that was throttled, as long as Graph asks, or longer from time to time
    /// where it does not say. Returns how long.
    pub(super) fn pause(
        &mut self,
        now: Instant,
        mailbox: &str,
        after: Option<Duration>,
    ) -> Duration {
        let now = now.saturating_duration_since(self.start);
        let usage = self.usage(now, mailbox);
        if usage.paused_until <= now {
            usage.refusals = usage.refusals.saturating_add(1);
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << usage.refusals.saturating_sub(1).min(6));
        let pause = after.unwrap_or(doubled).min(LONGEST_PAUSE);
        usage.paused_until = usage.paused_until.max(now + pause);
        usage.paused_until.saturating_sub(now)
    }

    /// Notes that a mailbox takes requests again.
    pub(super) fn answered(&mut self, mailbox: &str) {
        if let Some(usage) = self.mailboxes.get_mut(mailbox) {
            usage.refusals = 0;
        }
    }

    fn usage(&mut self, now: Duration, mailbox: &str) -> &mut Usage {
        if self.mailboxes.len() >= ACCOUNTS && !self.mailboxes.contains_key(mailbox) {
            self.mailboxes.retain(|_, usage| usage.matters(now));
        }
        self.mailboxes.entry(mailbox.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests;
