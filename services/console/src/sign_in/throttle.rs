use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Failures of one address until it is put off, and for how long after the first of them.
const FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered; beyond that everybody who fails is put off.
const ADDRESSES: usize = 10_000;

/// Slows down whoever fails to sign in again and again.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Debug)]
struct Failures {
    since: Instant,
    count: u32,
}

impl Throttle {
    /// Whether an address may try to sign in.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    /// Notes that somebody could not be signed in.
    pub(super) fn failed(&self, address: IpAddr) {
        self.failed_at(address, Instant::now());
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |failures: &&Failures| now.duration_since(failures.since) < WINDOW;
        let count = failed.get(&address).filter(recent);
        let count = count.map_or(0, |failures| failures.count);
        count < FAILURES && (failed.len() < ADDRESSES || count == 0)
    }

    fn failed_at(&self, address: IpAddr, now: Instant) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= ADDRESSES {
            failed.retain(|_, failures| now.duration_since(failures.since) < WINDOW);
        }
        if failed.len() >= ADDRESSES && !failed.contains_key(&address) {
            return;
        }
        let entry = failed.entry(address).or_insert(Failures {
            since: now,
            count: 0,
        });
        if now.duration_since(entry.since) >= WINDOW {
            *entry = Failures {
                since: now,
                count: 0,
            };
        }
        entry.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn who_fails_too_often_is_put_off_for_a_minute_and_nobody_else() {
        let throttle = Throttle::default();
        let [one, other] = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last)));
        let start = Instant::now();

        for _ in 0..FAILURES {
            assert!(throttle.admits_at(one, start));
            throttle.failed_at(one, start);
        }

        assert!(!throttle.admits_at(one, start + Duration::from_secs(59)));
        assert!(throttle.admits_at(other, start));
        assert!(throttle.admits_at(one, start + WINDOW));
    }
}
