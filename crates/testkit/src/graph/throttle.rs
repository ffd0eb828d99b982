use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{Limits, call::Reply};

/// The window of what is limited for the whole tenant.
const TENANT_WINDOW: Duration = Duration::from_secs(10);
/// Parts of a window that are counted together.
const PARTS: u32 = 60;
/// What Graph says when it does not know when there is room again.
const SOON: Duration = Duration::from_secs(1);

/// Everything that limits requests.
#[derive(Debug, Default)]
pub(super) struct Throttles {
    mailboxes: HashMap<String, Mailbox>,
    tenant: Window,
    directory: Window,
}

#[derive(Debug, Default)]
struct Mailbox {
    requests: Window,
    upload: Window,
    active: u32,
}

/// What was counted in the last while, in parts.
#[derive(Debug, Default)]
struct Window {
    parts: VecDeque<(Instant, u64)>,
    total: u64,
}

impl Window {
    /// Counts, unless that is over the limit: then says how long until there is room.
    fn take(&mut self, amount: u64, limit: u64, window: Duration) -> Result<(), Duration> {
        let now = Instant::now();
        while let Some((first, count)) = self.parts.front() {
            if now.duration_since(*first) < window {
                break;
            }
            self.total -= count;
            self.parts.pop_front();
        }
        if self.total + amount > limit {
            let first = self.parts.front().map_or(now, |(first, _)| *first);
            return Err(window.saturating_sub(now.duration_since(first)));
        }
        self.total += amount;
        match self.parts.back_mut() {
            Some((last, count)) if now.duration_since(*last) < window / PARTS => *count += amount,
            _ => self.parts.push_back((now, amount)),
        }
        Ok(())
    }
}

impl Throttles {
    /// Lets a request to a mailbox in, or refuses it. Who was let in leaves by [`leave`](Self::leave).
    /// Returns how many are in.
    pub(super) fn enter(
        &mut self,
        mailbox: &str,
        bytes: usize,
        limits: &Limits,
    ) -> Result<u32, Reply> {
        if let Some(limit) = limits.tenant {
            let taken = self.tenant.take(1, limit.into(), TENANT_WINDOW);
            taken.map_err(|after| refuse(limits, "MailboxRequests", after))?;
        }
        let mailbox = self.mailboxes.entry(mailbox.to_owned()).or_default();
        let taken = mailbox
            .requests
            .take(1, limits.requests.into(), limits.window);
        taken.map_err(|after| refuse(limits, "MailboxRequests", after))?;
        if mailbox.active >= limits.concurrent {
            return Err(refuse(limits, "MailboxConcurrency", SOON));
        }
        let taken = mailbox
            .upload
            .take(bytes as u64, limits.upload, limits.upload_window);
        taken.map_err(|after| refuse(limits, "MailboxUpload", after))?;
        mailbox.active += 1;
        Ok(mailbox.active)
    }

    pub(super) fn leave(&mut self, mailbox: &str) {
        if let Some(mailbox) = self.mailboxes.get_mut(mailbox) {
            mailbox.active = mailbox.active.saturating_sub(1);
        }
    }

    /// Lets a request for users in, or refuses it.
    pub(super) fn enter_directory(&mut self, limits: &Limits) -> Result<(), Reply> {
        let Some(limit) = limits.directory else {
            return Ok(());
        };
        let taken = self.directory.take(1, limit.into(), TENANT_WINDOW);
        taken.map_err(|after| {
            let reply = Reply::error(429, "TooManyRequests", "Too many requests.");
            say_when(reply, limits, after)
                .with("x-ms-throttle-information", &"ResourceUnitLimitExceeded")
        })
    }
}

fn refuse(limits: &Limits, what: &str, after: Duration) -> Reply {
    let message = format!("Application is over its {what} limit.");
    say_when(
        Reply::error(429, "ApplicationThrottled", &message),
        limits,
        after,
    )
}

fn say_when(reply: Reply, limits: &Limits, after: Duration) -> Reply {
    if !limits.says_when {
        return reply;
    }
    // Whole seconds: the next one.
    reply.with("retry-after", &after.as_millis().div_ceil(1000).max(1))
}
