//! kill -9 at named points, at random moments, and while rows are on their way: nothing is lost or doubled.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use chatkeep_testkit::{
    Seeded,
    tds::{Fault, When},
};

use crate::{
    chance::{seeded, setting},
    sandbox::{Mail, Outcome},
    world::World,
};

/// Kills of one world before it may end.
const AT_ONCE: usize = 3;

/// Two pools with sessions of several days, some of them in both, and conferences.
fn filled() -> World {
    let world = World::new(2);
    let keys = "tls = \"none\"\npage_size = 10\noverlap = \"1000000h\"\n";
    world.connect(keys);
    for session in 0..30 {
        let start = session * 20_000;
        let text = format!("session {session};");
        let lines = [
            (start + 1, "ann", text.as_str()),
            (start + 2, "bob", "yes"),
            (start + 3, "ann", "bye"),
        ];
        world.chat(0, start, &lines);
        if session % 3 == 0 {
            world.chat(1, start, &lines);
        }
        if session % 5 == 0 {
            let others: &[&str] = &["bob", "cem"];
            world.meeting(start + 7, &[(start + 8, "ann", "all", others)]);
        }
    }
    world
}

fn archive(world: &World) -> Command {
    let mut command = world.sandbox.command(&["archive", "connector.toml"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What comes of it when nobody is killed.
struct Undisturbed {
    outcome: Outcome,
    mails: BTreeMap<String, Vec<Mail>>,
    /// Pages that were asked for.
    pages: u64,
}

impl Undisturbed {
    fn new() -> Self {
        let world = filled();
        let outcome = world.archive_all();
        Self {
            outcome,
            mails: world.mails(),
            pages: pages(&world),
        }
    }

    /// Archives what is left in a world; in the end it is as if nobody had been killed.
    fn assert_reached(&self, world: &World, round: u64) {
        let resumed = world.archive();
        if !resumed.stdout.contains("nothing new") {
            resumed.assert_closed();
            assert_eq!(resumed.code, Some(0), "round {round}: {resumed:?}");
            let rendered = "records.rendered";
            assert_eq!(
                resumed.count(rendered),
                self.outcome.count(rendered),
                "round {round}"
            );
        }
        assert!(world.mails() == self.mails, "round {round}: other mails");
    }
}

/// How many pages of rows were asked for.
fn pages(world: &World) -> u64 {
    let asked = world.pools.iter().map(|pool| {
        let asked = pool.database.asked();
        let names = ["messages", "conference-messages", "recipients"];
        let asked = names.map(|name| asked.get(name).copied().unwrap_or(0));
        asked.iter().sum::<u64>()
    });
    asked.sum()
}

/// Kills worlds until there were enough kills.
#[expect(clippy::print_stdout, reason = "a soak test tells what it has done")]
fn kill_worlds(kill: impl Fn(&World, &Undisturbed, &mut Seeded) -> ExitStatus) {
    let wanted = setting("CHATKEEP_KILLS", 12);
    let mut chance = seeded();
    let undisturbed = Undisturbed::new();
    let (mut killed, mut round) = (0, 0);
    while killed < wanted {
        round += 1;
        assert!(round <= wanted, "{killed} kills only");
        let world = filled();
        for _ in 0..AT_ONCE {
            let status = kill(&world, &undisturbed, &mut chance);
            killed += u64::from(status.signal() == Some(9));
        }
        undisturbed.assert_reached(&world, round);
    }
    println!("{killed} kills in {round} rounds");
}

#[test]
fn kill_9_at_any_point_loses_nothing_and_doubles_nothing() {
    const POINTS: [&str; 5] = ["staged", "recorded", "converted", "planned", "linked"];
    kill_worlds(|world, _, chance| {
        let mut command = archive(world);
        if chance.below(3) == 0 {
            let mut program = command.spawn().unwrap();
            sleep(chance.below(700));
            program.kill().unwrap();
            return program.wait().unwrap();
        }
        let point = POINTS[chance.below(POINTS.len())];
        let passes = 1 + chance.below(4);
        command.env("CHATKEEP_CRASH_AT", format!("{point}:{passes}"));
        command.status().unwrap()
    });
}

#[test]
fn kill_9_while_rows_are_on_their_way_loses_nothing_and_doubles_nothing() {
    kill_worlds(|world, undisturbed, chance| {
        // Most of the time goes by within answers then.
        let pause = Fault::Pause(Duration::from_millis(1));
        for pool in &world.pools {
            pool.server.faults().set(When::Always, pause.clone());
        }
        let most = usize::try_from(undisturbed.pages).unwrap();
        let page = pages(world) + 1 + u64::try_from(chance.below(most)).unwrap();
        let mut program = archive(world).spawn().unwrap();
        while pages(world) < page && program.try_wait().unwrap().is_none() {
            sleep(1);
        }
        sleep(chance.below(12));
        program.kill().unwrap();
        let status = program.wait().unwrap();
        for pool in &world.pools {
            pool.server.faults().clear();
        }
        status
    });
}

fn sleep(milliseconds: usize) {
    let milliseconds = u64::try_from(milliseconds).unwrap();
    thread::sleep(Duration::from_millis(milliseconds));
}
