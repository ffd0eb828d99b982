//! kill -9 at named points and at random moments, Ctrl-C at named points, then resume: every mailbox holds
//! what it would hold without that, and the balance is the same.
//!
//! `CHATKEEP_KILLS` kills in all (default 40), at least `CHATKEEP_KILLS_PER_POINT` at each point (default 3).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../support/chance.rs"]
mod chance;
#[expect(dead_code, reason = "shared with the other tests of the program")]
#[path = "../support/sandbox.rs"]
mod sandbox;
#[path = "../support/targets.rs"]
mod targets;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use chatkeep_testkit::{Dovecot, Seeded};

use crate::{
    chance::{seeded, setting},
    sandbox::{Mail, Outcome, Sandbox},
    targets::{dovecot_mails, imap_target, with_secrets},
};

/// Where the process is killed by name; "linked" is passed by a Maildir only, "sent" by a mail server only.
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
const AT_RANDOM: &str = "at random";
const ROOM: &str = include_str!("room.xml");

/// Where a round archives to.
enum Place {
    Maildir(Sandbox),
    Dovecot(Sandbox, Dovecot),
}

impl Place {
    fn maildir() -> Self {
        Self::Maildir(filled(Sandbox::new()))
    }

    fn dovecot() -> Self {
        let dovecot = Dovecot::start().unwrap();
        let target = imap_target(dovecot.address().port(), "");
        Self::Dovecot(filled(with_secrets(Sandbox::into_target(&target))), dovecot)
    }

    fn sandbox(&self) -> &Sandbox {
        match self {
            Self::Maildir(sandbox) | Self::Dovecot(sandbox, _) => sandbox,
        }
    }

    fn mails(&self) -> BTreeMap<String, Vec<Mail>> {
        match self {
            Self::Maildir(sandbox) => sandbox.all_mails(),
            Self::Dovecot(_, dovecot) => dovecot_mails(dovecot),
        }
    }

    /// The points this place never passes.
    fn never_passes(&self, point: &str) -> bool {
        match self {
            Self::Maildir(_) => point == "sent",
            Self::Dovecot(..) => point == "linked",
        }
    }
}

/// Enough of everything: two pools, a room, somebody held, a broken file.
fn filled(sandbox: Sandbox) -> Sandbox {
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
fn killed_at(sandbox: &Sandbox, point: &str, passes: usize) -> bool {
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

/// How often the process was killed where.
struct Kills(BTreeMap<&'static str, u64>);

impl Kills {
    fn none() -> Self {
        let all = POINTS.into_iter().chain([AT_RANDOM]);
        Self(all.map(|point| (point, 0)).collect())
    }

    fn are_enough(&self, wanted: u64, per_point: u64) -> bool {
        self.0.values().sum::<u64>() >= wanted && self.0.values().all(|count| *count >= per_point)
    }

    /// A point that still lacks kills, or any.
    fn choose(&self, dice: &mut Seeded, place: &Place) -> &'static str {
        let mut points: Vec<_> = self.0.iter().collect();
        points.retain(|(point, _)| !place.never_passes(point));
        points.sort_by_key(|(_, count)| **count);
        let any = dice.below(points.len());
        let chosen = if dice.below(2) == 0 { 0 } else { any };
        points[chosen].0
    }
}

#[test]
fn kill_9_at_any_point_loses_nothing_and_doubles_nothing() {
    let wanted = setting("CHATKEEP_KILLS", 40);
    let per_point = setting("CHATKEEP_KILLS_PER_POINT", 3);
    let reference = Place::maildir();
    let undisturbed = reference.sandbox().archive();
    undisturbed.assert_closed();
    let mut dice = seeded();
    let mut kills = Kills::none();

    let mut round = 0;
    while !kills.are_enough(wanted, per_point) {
        round += 1;
        assert!(
            round < wanted * 10,
            "points that are never reached: {:?}",
            kills.0
        );
        let place = if round % 2 == 0 {
            Place::maildir()
        } else {
            Place::dovecot()
        };
        // Killed two or three times on its way.
        for _ in 0..2 + dice.below(2) {
            let chosen = kills.choose(&mut dice, &place);
            let was_killed = match chosen {
                AT_RANDOM => {
                    let wait = u64::try_from(dice.below(500)).unwrap();
                    killed_after(place.sandbox(), Duration::from_millis(wait))
                }
                point => killed_at(place.sandbox(), point, 1 + dice.below(3)),
            };
            *kills.0.entry(chosen).or_default() += u64::from(was_killed);
        }

        let resumed = place.sandbox().archive();

        resumed.assert_closed();
        assert_eq!(counts(&resumed), counts(&undisturbed), "round {round}");
        assert!(
            place.mails() == reference.mails(),
            "round {round}: other mails than without kills"
        );
    }
    println!("kills per point: {:?}", kills.0);
}

#[test]
fn ctrl_c_at_any_point_stops_the_run_and_the_next_call_resumes() {
    let reference = Place::maildir();
    let undisturbed = reference.sandbox().archive();
    for place in [Place::maildir, Place::dovecot] {
        for point in POINTS {
            let place = place();
            // Where the run ends anyway, or where it never comes by.
            if point == "sealed" || place.never_passes(point) {
                continue;
            }
            let mut command = place.sandbox().command(&["archive", "connector.toml"]);
            command.env("CHATKEEP_CRASH_AT", format!("{point}:1:INT"));

            let interrupted = command.output().unwrap();

            let said = String::from_utf8_lossy(&interrupted.stderr);
            assert_eq!(interrupted.status.code(), Some(1), "{point}: {said}");
            assert!(said.contains("interrupted; nothing is lost"), "{said}");
            let resumed = place.sandbox().archive();
            resumed.assert_closed();
            assert!(resumed.stderr.contains("resuming run 1"), "{point}");
            assert_eq!(counts(&resumed), counts(&undisturbed), "{point}");
            assert!(
                place.mails() == reference.mails(),
                "{point}: other mails than undisturbed"
            );
        }
    }
}

/// Starts `archive` with a janitor that deletes at once what may go.
fn archive_and_clear(sandbox: &Sandbox) -> Command {
    let mut command = archive(sandbox);
    for (key, value) in [("AFTER", "0s"), ("ORPHANS_AFTER", "0s"), ("EVERY", "1ms")] {
        command.env(format!("CHATKEEP__CONTROL__JANITOR__{key}"), value);
    }
    command
}

/// How many files there are under a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let counts = paths.map(|path| if path.is_dir() { files(&path) } else { 1 });
    counts.sum()
}

const DORA: &str =
    "dora@contoso.com,Dora Day,dora@contoso.com,SMTP:dora@contoso.com,sip:dora@contoso.com\n";

/// Delivers what was held for want of an address.
fn deliver_to_dora(sandbox: &Sandbox) {
    let directory = fs::read_to_string(sandbox.path("directory.csv")).unwrap();
    sandbox.write("directory.csv", directory + DORA);
    let delivered = sandbox.run(&["deliver-held"]);
    assert_eq!(delivered.code, Some(0), "{delivered:?}");
    let verified = sandbox.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn kill_9_while_staging_is_cleared_loses_nothing() {
    const CALLS: usize = 100;
    let reference = Place::maildir();
    reference.sandbox().archive();
    deliver_to_dora(reference.sandbox());
    for point in ["kept", "cleared"] {
        let place = Place::maildir();
        let sandbox = place.sandbox();
        sandbox.archive();

        // The janitor shares the process with a run that ends at once.
        let was_killed = (0..CALLS).any(|_| {
            let mut command = archive_and_clear(sandbox);
            command.env("CHATKEEP_CRASH_AT", format!("{point}:1"));
            command.status().unwrap().signal() == Some(9)
        });
        assert!(was_killed, "{point} was never passed");
        let staging = sandbox.path(".chatkeep/staging");
        let is_cleared = (0..CALLS).any(|_| {
            archive_and_clear(sandbox).status().unwrap();
            files(&staging.join("items")) == 0 && files(&staging.join("batch")) == 0
        });

        assert!(is_cleared, "{point}");
        assert!(files(&staging.join("kept")) > 0, "{point}");
        deliver_to_dora(sandbox);
        assert!(place.mails() == reference.mails(), "{point}: other mails");
    }
}
