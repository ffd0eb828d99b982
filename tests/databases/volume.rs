//! As many rows as a bank has: made by their key when they are asked for, so that nobody holds them.

use std::{
    fs::{self, File},
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::lcslog::Generated;

use crate::{
    chance::setting,
    sandbox::{Outcome, Sandbox},
    world::{World, time},
};

/// Rows asked for at once.
const PAGE: u64 = 5_000;
const USERS: u32 = 200;
const DAYS: u64 = 10;
/// Three-hundredths of a second.
const TICKS_OF_DAY: u64 = 86_400 * 300;
/// What the program may need, bytes.
const MOST_MEMORY: u64 = 128 << 20;

fn directory() -> String {
    let mut text = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n".to_owned();
    for number in 1..=USERS {
        let address = format!("user{number}@contoso.com");
        text.push_str(&format!(
            "{address},User {number},{address},SMTP:{address},sip:{address}\n"
        ));
    }
    text
}

/// Archives, and watches how much memory the program needs at most, in bytes.
fn archive(sandbox: &Sandbox) -> (Outcome, u64) {
    let arguments = ["archive", "connector.toml", "--report", "report.json"];
    let log = File::create(sandbox.path("log")).unwrap();
    let mut program = sandbox
        .command(&arguments)
        .env_remove("MALLOC_ARENA_MAX")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let of_process = |file| format!("/proc/{}/{file}", program.id());
    let (status, environment) = (of_process("status"), of_process("environ"));
    let mut peak = 0;
    let mut shares_freed_memory = false;
    let ended = loop {
        peak = peak_memory(&status).unwrap_or(peak);
        let environment = fs::read(&environment).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        shares_freed_memory |= variables.any(|variable| variable == b"MALLOC_ARENA_MAX=2");
        if let Some(ended) = program.try_wait().unwrap() {
            break ended;
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(shares_freed_memory);
    let report = fs::read(sandbox.path("report.json")).unwrap_or_default();
    let outcome = Outcome {
        code: ended.code(),
        stdout: fs::read_to_string(sandbox.path("log")).unwrap(),
        stderr: String::new(),
        report: serde_json::from_slice(&report).unwrap_or_default(),
    };
    (outcome, peak)
}

fn peak_memory(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1_024)
}

#[test]
fn hundreds_of_thousands_of_rows_add_up_in_bounded_memory() {
    let rows = setting("CHATKEEP_ROWS", 200_000);
    let world = World::new(1);
    world.sandbox.write("directory.csv", directory());
    world.sandbox.edit_connector(
        "type = \"maildir\"\npath = \"mailboxes\"\n",
        "type = \"discard\"\n",
    );
    let database = &world.pools[0].database;
    database.generate(Generated {
        seed: 7,
        rows,
        start: time(0),
        // Three rows share a time.
        step: u32::try_from(DAYS * TICKS_OF_DAY * 3 / rows).unwrap(),
        users: USERS,
    });
    let begun = Instant::now();

    let (outcome, peak) = archive(&world.sandbox);

    let seconds = u128::max(begun.elapsed().as_millis(), 1);
    println!(
        "{rows} rows: {} rows/s, {} MB of memory at most",
        u128::from(rows) * 1_000 / seconds,
        peak >> 20
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("records.read"), rows);
    assert_eq!(outcome.count("records.rendered"), rows);
    let items = outcome.count("items");
    // Ten rows a session; at midnight some 64 of them are cut in two.
    let most = rows / 10 + DAYS * 128;
    assert!((rows / 10..=most).contains(&items), "{items}");
    assert_eq!(outcome.count("deliveries.planned"), 2 * items);
    assert_eq!(outcome.count("deliveries.imported"), 2 * items);
    assert!(peak < MOST_MEMORY, "{} MB", peak >> 20);
    // A page by its key is read once; besides, each day begins one and ends with one.
    let pages = database.asked()["messages"];
    assert!(pages <= rows / PAGE + 2 * (DAYS + 2), "{pages} pages");
    let statements = database.statements();
    let with_offset = statements.iter().find(|one| one.contains("OFFSET"));
    assert_eq!(with_offset, None);
}
