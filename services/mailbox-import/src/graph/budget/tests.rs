use std::collections::{BTreeSet, VecDeque};

use super::*;

/// Times and amounts of what was let through, and the most that any window held.
#[derive(Default)]
struct Meter {
    inside: VecDeque<(Duration, u64)>,
    sum: u64,
    most: u64,
    total: u64,
}

impl Meter {
    fn note(&mut self, at: Duration, amount: u64, window: Duration) {
        while self
            .inside
            .front()
            .is_some_and(|(first, _)| *first + window <= at)
        {
            self.sum -= self.inside.pop_front().unwrap().1;
        }
        self.inside.push_back((at, amount));
        self.sum += amount;
        self.total += amount;
        self.most = self.most.max(self.sum);
    }
}

/// Lets so many mailboxes ask as soon as they may, for so long, on a simulated clock. Requests of all,
/// and requests and bytes of the first.
fn simulate(mailboxes: usize, bytes: u64, time: Duration) -> (Meter, Meter, Meter) {
    let start = Instant::now();
    let mut budget = Budget::new(start);
    let names: Vec<_> = (0..mailboxes)
        .map(|number| format!("user{number}"))
        .collect();
    let all_at_once = (0..mailboxes).map(|number| (Duration::ZERO, number));
    let mut agenda: BTreeSet<_> = all_at_once.collect();
    let (mut all, mut requests, mut sizes) = <(Meter, Meter, Meter)>::default();
    while let Some((now, number)) = agenda.pop_first() {
        if now >= time {
            break;
        }
        match budget.ask(start + now, &names[number], bytes) {
            Ok(()) => {
                all.note(now, 1, TENANT.window);
                if number == 0 {
                    requests.note(now, 1, REQUESTS.window);
                    sizes.note(now, bytes, BYTES.window);
                }
                agenda.insert((now, number));
            }
            Err(wait) => {
                agenda.insert((now + wait, number));
            }
        }
    }
    (all, requests, sizes)
}

#[test]
fn a_mailbox_gets_nearly_all_requests_it_may_have_and_never_one_more() {
    let (_, requests, _) = simulate(1, 4_000, Duration::from_hours(2));

    assert!(requests.most <= REQUESTS.amount, "{}", requests.most);
    let may = REQUESTS.amount * 12;
    assert!(
        requests.total * 100 >= may * 95,
        "{} of {may}",
        requests.total
    );
}

#[test]
fn large_uploads_get_nearly_all_bytes_they_may_have_and_never_one_more() {
    for size in [400_000, 3_900_000] {
        let (_, _, sizes) = simulate(1, size, Duration::from_hours(2));

        assert!(sizes.most <= BYTES.amount, "{}", sizes.most);
        let may = BYTES.amount * 24;
        assert!(sizes.total * 100 >= may * 95, "{} of {may}", sizes.total);
    }
}

#[test]
fn throughput_grows_with_the_mailboxes_up_to_the_tenants_limit() {
    let (one, ..) = simulate(1, 4_000, REQUESTS.window);

    for mailboxes in [10, 100] {
        let (all, ..) = simulate(mailboxes, 4_000, REQUESTS.window);
        let may = one.total * mailboxes as u64;
        assert!(all.total <= may, "{} of {may}", all.total);
        assert!(all.total * 100 >= may * 95, "{} of {may}", all.total);
    }
    // 124 would need all that a tenant has.
    let (all, ..) = simulate(130, 4_000, TENANT.window);
    assert!(all.most <= TENANT.amount, "{}", all.most);
    let may = TENANT.amount;
    assert!(all.total * 100 >= may * 95, "{} of {may}", all.total);
}

#[test]
fn a_throttled_mailbox_is_left_alone_as_long_as_asked_and_no_other_one() {
    let now = Instant::now();
    let mut budget = Budget::new(now);
    let asked = Duration::from_secs(47);

    assert_eq!(budget.pause(now, "ann", Some(asked)), asked);

    assert_eq!(budget.ask(now, "ann", 1), Err(asked));
    assert_eq!(budget.ask(now, "bob", 1), Ok(()));
    assert_eq!(budget.ask(now + asked, "ann", 1), Ok(()));
}

#[test]
fn pauses_grow_where_nobody_says_how_long() {
    let mut now = Instant::now();
    let mut budget = Budget::new(now);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let pause = budget.pause(now, "ann", None);
        // The others on their way are refused for the same reason.
        budget.pause(now, "ann", None);
        pauses.push(pause.as_secs());
        now += pause;
    }
    budget.answered("ann");

    assert_eq!(pauses, [10, 20, 40, 80]);
    assert_eq!(budget.pause(now, "ann", None).as_secs(), 10);
}

#[test]
fn mailboxes_that_are_done_are_forgotten() {
    let start = Instant::now();
    let mut budget = Budget::new(start);
    for number in 0..20_000_u32 {
        let now = start + Duration::from_millis(number.into());
        budget.ask(now, &format!("user{number}"), 4_000).unwrap();
    }

    assert!(budget.mailboxes.len() <= ACCOUNTS);
}
