//! kill -9 at named points and at random moments, then resume: every mailbox holds what it would hold
//! without the kills, and the balance is the same.
//!
//! `CHATKEEP_KILLS` kills in all (default 40), at least `CHATKEEP_KILLS_PER_POINT` at each point (default 3).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    time::Duration,
};

use crate::sandbox::{Outcome, Sandbox};

const POINTS: [&str; 9] = [
    "staged",
    "recorded",
    "converted",
    "planned",
    "journaled",
    "sent",
    "linked",
    "done",
    "sealed",
];
const ROOM: &str = include_str!("room.xml");

/// Enough of everything: two pools, a room, somebody held, a broken file.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for minute in 0..40 {
        let (sender, receiver) =
            [("ann", "bob"), ("bob", "cem"), ("cem", "dora")][minute as usize % 3];
        let pool = minute % 2;
        let file = format!("pool{pool}/{minute}");
        sandbox.session(
            &file,
            minute,
            &[(sender, "hello"), (receiver, "hi"), (sender, "bye")],
        );
    }
    sandbox.write(
        "exports/broken.eml",
        "From: ann@contoso.com\r\nSubject: Conv",
    );
    sandbox.write("compliance/room.xml", ROOM);
    sandbox
}

/// A small generator of numbers that differ from seed to seed; the seed of a failure is printed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Counts(Vec<(&'static str, u64)>);

fn counts(outcome: &Outcome) -> Counts {
    let paths = [
        "records.read",
        "records.rendered",
        "records.duplicates",
        "records.quarantined",
        "items",
        "deliveries.planned",
        "deliveries.held",
    ];
    Counts(paths.map(|path| (path, outcome.count(path))).to_vec())
}

/// Starts `archive` and lets it be killed at a point; true when it was.
fn killed_at(sandbox: &Sandbox, point: &str, passes: u64) -> bool {
    let mut command = archive(sandbox);
    command.env("CHATKEEP_CRASH_AT", format!("{point}:{passes}"));
    let status = command.status().unwrap();
    status.signal() == Some(9)
}

/// Starts `archive` and kills it after a while; true when it was still running.
fn killed_after(sandbox: &Sandbox, wait: Duration) -> bool {
    let mut child = archive(sandbox).spawn().unwrap();
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(9)
}

fn archive(sandbox: &Sandbox) -> Command {
    let mut command = sandbox.command(&["archive", "connector.toml"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn setting(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "tests have no Settings")]
    let value = std::env::var(name);
    value
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

#[test]
fn kill_9_at_any_point_loses_nothing_and_doubles_nothing() {
    let wanted = setting("CHATKEEP_KILLS", 40);
    let per_point = setting("CHATKEEP_KILLS_PER_POINT", 3);
    let reference = sandbox();
    let undisturbed = reference.archive();
    undisturbed.assert_closed();
    let seed = setting("CHATKEEP_SEED", u64::from(std::process::id()) + 1);
    println!("seed {seed}: repeat with CHATKEEP_SEED={seed}");
    let mut dice = Dice(seed);
    let mut kills: BTreeMap<&str, u64> = POINTS.map(|point| (point, 0)).into();
    kills.insert("at random", 0);
    // What a Maildir never passes: nothing is sent anywhere.
    kills.remove("sent");

    let mut round = 0;
    while kills.values().sum::<u64>() < wanted || kills.values().any(|count| *count < per_point) {
        round += 1;
        assert!(
            round < wanted * 10,
            "points that are never reached: {kills:?}"
        );
        let disturbed = sandbox();
        // Killed twice or three times on its way, at points that still lack kills or anywhere.
        for _ in 0..2 + dice.roll(2) {
            let points: Vec<_> = kills.keys().copied().collect();
            let rarest = kills
                .iter()
                .min_by_key(|(_, count)| **count)
                .map(|(point, _)| *point);
            let chosen = match dice.roll(2) {
                0 => rarest.unwrap(),
                _ => points[usize::try_from(dice.roll(points.len() as u64)).unwrap()],
            };
            let was_killed = match chosen {
                "at random" => killed_after(&disturbed, Duration::from_millis(dice.roll(400))),
                point => killed_at(&disturbed, point, 1 + dice.roll(3)),
            };
            *kills.get_mut(chosen).unwrap() += u64::from(was_killed);
        }

        let resumed = disturbed.archive();

        resumed.assert_closed();
        assert_eq!(counts(&resumed), counts(&undisturbed), "round {round}");
        assert_eq!(
            disturbed.all_mails(),
            reference.all_mails(),
            "round {round}"
        );
    }
    println!("kills per point: {kills:?}");
}
