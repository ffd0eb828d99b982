//! A tenant and a domain of many users: 20,000, or what `CHATKEEP_USERS` says.

use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::{
    Account, ActiveDirectory,
    graph::{Kind, Person},
};

use crate::{
    domain::{account, company_of},
    sandbox::Sandbox,
    world::World,
};

/// What a user may cost in memory, beside what the program needs for nobody. A user has three addresses
/// here; the snapshot and its index, which are made for a file too, are about half of it.
const BYTES_PER_USER: u64 = 1_500;
const BASE: u64 = 120 << 20;

fn users() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test script says how many users there are"
    )]
    let users = std::env::var("CHATKEEP_USERS");
    users.map_or(20_000, |users| users.parse().unwrap())
}

/// The most memory a process had in its life, in bytes; it is waited for.
fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() * 1024);
        thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// Archives one more session. The most memory that took, in bytes, and how many milliseconds.
fn archive(sandbox: &Sandbox, (file, minute): (&str, u32), lines: &[(&str, &str)]) -> (u64, u128) {
    sandbox.session(file, minute, lines);
    let mut command = sandbox.command(&["archive", "connector.toml"]);
    command.stdout(Stdio::null());
    let begun = Instant::now();
    let peak = peak(command.spawn().unwrap());
    (peak, begun.elapsed().as_millis())
}

#[test]
fn many_users_take_little_memory_and_what_changed_takes_one_page() {
    let world = World::new();
    let users = users();
    for number in 0..users {
        let address = format!("firstname.lastname{number}@contoso.com");
        let mut person = Person::new(&address);
        person.proxies.push(format!("smtp:p{number}@contoso.com"));
        world.tenant.add(person);
    }
    let last = format!("p{}", users - 1);
    let lines = [("ann", "hello"), (&*last, "hi")];
    let run = |file: &str, minute: u32| {
        let (peak, took) = archive(&world.sandbox, (file, minute), &lines);
        let pages = world.tenant.counts().of(Kind::Delta);
        println!(
            "{users} users: {} MB, {took} ms, {pages} pages so far",
            peak >> 20
        );
        (peak, pages)
    };

    let (in_full, pages) = run("one", 1);
    let renamed = format!("firstname.lastname{}@contoso.com", users - 1);
    world
        .tenant
        .change(&renamed, |user| user.rename("renamed@contoso.com"));
    let (changed, then) = run("two", 2);

    let limit = BASE + users * BYTES_PER_USER;
    assert!(in_full < limit && changed < limit, "{in_full}, {changed}");
    assert_eq!(pages, (users + 2).div_ceil(999));
    assert_eq!(then, pages + 1);
    let mails = world.mails();
    for mailbox in [&renamed, "renamed@contoso.com"] {
        assert!(mails.contains(&(mailbox.to_owned(), 1)), "{mailbox}");
    }
}

#[test]
fn many_users_of_a_domain_take_little_memory_and_who_changed_is_read() {
    let users = users();
    let accounts: Vec<_> = (0..users)
        .map(|number| {
            let mut account = account(&format!("firstname.lastname{number}@contoso.com"));
            account.proxies.push(format!("smtp:p{number}@contoso.com"));
            (format!("user{number}"), account)
        })
        .collect();
    let named: Vec<(&str, Account)> = accounts
        .iter()
        .map(|(name, account)| (name.as_str(), account.clone()))
        .collect();
    let (sandbox, mut domain) = company_of(&named);
    let last = users - 1;
    let lines = [(&*format!("p{last}"), "hello"), ("p0", "hi")];

    let run = |file: &str, minute: u32| {
        let (peak, took) = archive(&sandbox, (file, minute), &lines);
        println!("{users} users of a domain: {} MB, {took} ms", peak >> 20);
        peak
    };

    let in_full = run("one", 1);
    let all = read(&domain);
    let renamed = Account {
        proxies: vec![format!("smtp:p{last}@contoso.com")],
        ..account("renamed@contoso.com")
    };
    domain.set(&format!("user{last}"), renamed);
    domain.restart().unwrap();
    let changed = run("two", 2);

    let limit = BASE + users * BYTES_PER_USER;
    assert!(in_full < limit && changed < limit, "{in_full}, {changed}");
    // Those of the last thousand changes are read again.
    assert!(all == users && read(&domain) <= 1_001, "{all}");
    assert_eq!(sandbox.mails("renamed@contoso.com").len(), 1);
}

/// How many users were read in full since the domain was started, but for the page that is looked at before
/// a run.
fn read(domain: &ActiveDirectory) -> u64 {
    let searches = domain.searches().unwrap();
    let searches = searches.iter();
    let in_full = searches.filter(|search| search.attributes.iter().any(|one| one == "mail"));
    let entries: Vec<_> = in_full.map(|search| search.entries).collect();
    entries.iter().skip(1).sum::<usize>() as u64
}
