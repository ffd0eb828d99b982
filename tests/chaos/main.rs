//! Faults at random moments of runs that go on: kill -9 of every program and every server, connections
//! that break, a process that stands still beyond its lease, a message that arrives after another has sent
//! it, a broker short of memory or disk. Nothing is lost, nothing stands twice, both equations close, nobody
//! hangs.
//!
//! `CHATKEEP_ITEMS` items (default 5,000), at least `CHATKEEP_FAULTS` faults (default 16), at least
//! `CHATKEEP_FAULTS_PER_KIND` of each kind (default 1). `CHATKEEP_SEED` repeats a run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it has done"
)]

mod archiving;
#[path = "../support/chance.rs"]
mod chance;
#[expect(dead_code, reason = "shared with the other tests of the system")]
#[path = "../support/cluster.rs"]
mod cluster;
mod company;
mod fault;
#[path = "../support/program.rs"]
mod program;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
#[expect(dead_code, reason = "shared with the other tests of the system")]
#[path = "../support/servers.rs"]
mod servers;
#[expect(dead_code, reason = "shared with the other tests of the system")]
#[path = "../support/system.rs"]
mod system;
#[path = "../support/wire.rs"]
mod wire;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::{Azurite, Dovecot, Postgres, Seeded};

use crate::{
    archiving::Archiving,
    chance::{seeded, setting},
    cluster::Cluster,
    company::Company,
    fault::{Fault, Fragile},
    sandbox::Sandbox,
    servers::Servers,
    system::Form,
    wire::Wire,
};

/// Faults of one run, one into the other.
const TOGETHER: usize = 2;
/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// So many faults at least, so many of each kind at least; what comes next follows from the seed.
struct Schedule {
    dice: Seeded,
    wanted: usize,
    per_kind: usize,
    /// What is left of a round of all kinds.
    left: Vec<Fault>,
    done: BTreeMap<Fault, usize>,
}

impl Schedule {
    fn from_environment() -> Self {
        let number = |name, default| usize::try_from(setting(name, default)).unwrap();
        Self {
            dice: seeded(),
            wanted: number("CHATKEEP_FAULTS", 16),
            per_kind: number("CHATKEEP_FAULTS_PER_KIND", 1),
            left: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    /// How many runs it takes.
    fn runs(&self) -> usize {
        let kinds = Fault::ALL.len() * self.per_kind;
        self.wanted.max(kinds).div_ceil(TOGETHER)
    }

    /// Every kind comes before one comes again.
    fn next(&mut self) -> Fault {
        if self.left.is_empty() {
            self.left = Fault::ALL.to_vec();
        }
        let any = self.dice.below(self.left.len());
        let fault = self.left.swap_remove(any);
        *self.done.entry(fault).or_default() += 1;
        fault
    }

    fn wait(&mut self, up_to: Duration) {
        let millis = usize::try_from(up_to.as_millis()).unwrap();
        let millis = self.dice.below(millis + 1);
        thread::sleep(Duration::from_millis(u64::try_from(millis).unwrap()));
    }

    fn assert_enough(&self) {
        println!("faults per kind: {:?}", self.done);
        assert!(self.done.values().sum::<usize>() >= self.wanted);
        for fault in Fault::ALL {
            let count = self.done.get(&fault).copied().unwrap_or(0);
            assert!(count >= self.per_kind, "{fault:?}: {count}");
        }
    }
}

/// Faults while a run goes on; prints how long it took until something moved again.
fn disturb(fragile: &mut Fragile, schedule: &mut Schedule, archiving: &mut Archiving) {
    let faults: Vec<_> = (0..TOGETHER).map(|_| schedule.next()).collect();
    for fault in &faults {
        schedule.wait(Duration::from_millis(1_500));
        fault.begin(fragile);
    }
    for fault in &faults {
        thread::sleep(fault.lasts());
        fault.end(fragile);
    }
    let over = Instant::now();
    let before = fragile.progress();
    while !archiving.has_ended() && fragile.progress() == before {
        thread::sleep(Duration::from_millis(100));
        archiving.assert_not_late(&fragile.cluster);
    }
    println!(
        "{faults:?}: went on after {:.1} s",
        over.elapsed().as_secs_f64()
    );
}

/// Lets the last run's message through, which stands twice from then on, until somebody finds out.
fn send_late(fragile: &mut Fragile) {
    let before = fragile.copies_removed();
    Fault::ImportSendsLate.end(fragile);
    let deadline = Instant::now() + PATIENCE;
    while fragile.copies_removed() == before {
        assert!(Instant::now() < deadline, "late copies are not counted");
        thread::sleep(Duration::from_millis(100));
    }
    let removed = fragile.copies_removed();
    println!("extra copies removed and counted: {removed}, {before} of them under other faults");
}

fn embedded(company: &Company) -> Sandbox {
    let sandbox = company.sandbox("[target]\ntype = \"maildir\"\npath = \"mailboxes\"\n");
    Company::publish(&sandbox, 0..company.items);
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    sandbox
}

#[test]
fn faults_of_every_kind_lose_nothing_and_double_nothing() {
    let mut schedule = Schedule::from_environment();
    let company = Company {
        items: usize::try_from(setting("CHATKEEP_ITEMS", 5_000)).unwrap(),
    };
    let dovecot = Dovecot::start().unwrap();
    let wire = Wire::to(dovecot.address());
    let sandbox = company.sandbox(&wire.target());
    let servers = Servers::start(Azurite::start, Postgres::start);
    let form = Form {
        workers: 2,
        ..Form::default()
    };
    let cluster = Cluster::start(&servers, form, sandbox);
    let mut fragile = Fragile {
        cluster,
        dovecot,
        wire,
    };

    let runs = schedule.runs();
    for run in 0..=runs {
        let slice = company.items * run / (runs + 1)..company.items * (run + 1) / (runs + 1);
        Company::publish(fragile.cluster.sandbox(), slice.clone());
        let mut archiving = Archiving::start(&fragile.cluster);
        if run < runs {
            disturb(&mut fragile, &mut schedule, &mut archiving);
        } else {
            assert!(fragile.hold_up_message(PATIENCE), "nothing was sent");
        }
        let outcome = archiving.end(&fragile.cluster);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.assert_closed();
        assert_eq!(outcome.count("items"), slice.len() as u64);
    }
    send_late(&mut fragile);

    schedule.assert_enough();
    fragile.assert_nobody_hangs();
    let expected = embedded(&company);
    for mailbox in Company::mailboxes() {
        let stored = fragile.stored(&mailbox);
        assert!(
            stored == expected.mails(&mailbox),
            "{mailbox}: other mails than undisturbed"
        );
    }
}
