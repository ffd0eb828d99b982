//! kill -9 at named points and at random moments while databases are archived: nothing is lost or doubled.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    time::Duration,
};

use crate::world::World;

const KILLS: usize = 12;

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

#[test]
fn kill_9_at_any_point_loses_nothing_and_doubles_nothing() {
    const POINTS: [&str; 5] = ["staged", "recorded", "converted", "planned", "linked"];
    let reference = filled();
    let undisturbed = reference.archive_all();
    let mails = reference.mails();

    let mut killed = 0;
    for round in 0..KILLS {
        let world = filled();
        for attempt in 0..3 {
            let mut command = archive(&world);
            let point = POINTS[(round + attempt) % POINTS.len()];
            let status = if (round + attempt) % 3 == 0 {
                let mut child = command.spawn().unwrap();
                let wait = 37 * u64::try_from(round * 3 + attempt).unwrap() % 700;
                std::thread::sleep(Duration::from_millis(wait));
                child.kill().unwrap();
                child.wait().unwrap()
            } else {
                command.env("CHATKEEP_CRASH_AT", format!("{point}:{}", 1 + round % 4));
                command.status().unwrap()
            };
            killed += usize::from(status.signal() == Some(9));
        }

        let resumed = world.archive();

        if resumed.stdout.contains("nothing new") {
            assert!(world.mails() == mails, "round {round}");
            continue;
        }
        resumed.assert_closed();
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        let rendered = "records.rendered";
        assert_eq!(
            resumed.count(rendered),
            undisturbed.count(rendered),
            "round {round}"
        );
        assert!(world.mails() == mails, "round {round}: other mails");
    }
    assert!(killed >= KILLS, "{killed} kills");
}
