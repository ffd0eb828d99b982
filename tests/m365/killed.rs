//! kill -9 at named points while it sends: every mailbox holds every item once after it was called again.
//!
//! `CHATKEEP_KILLS` kills of each kind of Exchange (default 10).

use std::{os::unix::process::ExitStatusExt as _, process::Stdio};

use chatkeep_testkit::Seeded;
use tokio::task::block_in_place;

use crate::{
    chance::{seeded, setting},
    world::{Company, Site, World},
};

/// Where it is killed, and within how many passes: the journal says what follows, a request was answered,
/// a mailbox is done with.
const POINTS: [(&str, usize); 3] = [("journaled", 8), ("sent", 15), ("done", 8)];
/// Kills until one company is archived whole.
const IN_A_ROW: u64 = 10;
const USERS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_it_sends_into_a_tenant_loses_nothing_and_doubles_nothing() {
    again_and_again(|dice, kills| {
        let world = World::of(USERS);
        let killed = killed(&world.company, dice, kills);
        world.assert_archived();
        killed
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_it_sends_into_a_server_loses_nothing_and_doubles_nothing() {
    again_and_again(|dice, kills| {
        let site = Site::of(USERS);
        let killed = killed(&site.company, dice, kills);
        site.assert_archived();
        killed
    });
}

/// Has companies archived, with so many kills at most in each, until there were enough at every point.
#[expect(clippy::print_stdout, reason = "a long test says what it did")]
fn again_and_again(mut archived: impl FnMut(&mut Seeded, u64) -> [u64; 3]) {
    let wanted = setting("CHATKEEP_KILLS", 10);
    let mut dice = seeded();
    let mut kills = [0; 3];
    for _ in 0..wanted {
        let done: u64 = kills.iter().sum();
        if done >= wanted {
            break;
        }
        let more = archived(&mut dice, (wanted - done).min(IN_A_ROW));
        kills = std::array::from_fn(|point| kills[point] + more[point]);
    }
    println!("kills at {POINTS:?}: {kills:?}");
    assert!(kills.iter().sum::<u64>() >= wanted, "{kills:?}");
    assert!(kills.iter().all(|&kills| kills > 0), "{kills:?}");
}

/// Archives, killed up to so many times on its way, at one point after the other. The kills at each.
fn killed(company: &Company, dice: &mut Seeded, most: u64) -> [u64; 3] {
    let mut kills = [0; 3];
    for number in 0..most {
        let place = usize::try_from(number).unwrap() % POINTS.len();
        let (point, passes) = POINTS[place];
        let mut command = company.command(&["archive", "connector.toml"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.env(
            "CHATKEEP_CRASH_AT",
            format!("{point}:{}", 1 + dice.below(passes)),
        );
        let status = block_in_place(|| command.status().unwrap());
        if status.signal() != Some(9) {
            break;
        }
        kills[place] += 1;
    }
    let outcome = company.archive();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    kills
}
