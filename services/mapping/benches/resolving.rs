//! How fast participants are resolved from a directory in memory, on one core and on two at once.
//!
//! `cargo bench -p chatkeep-mapping -- [runs] [users]`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints its figures and stops at what goes wrong"
)]

use std::{hint::black_box, path::Path, time::Duration};

use chatkeep_mapping::measured::Mirror;
use chatkeep_model::connector::Connector;
use rustix::time::{ClockId, clock_gettime};

const CONNECTOR: &str = "name = \"c\"\ndomain = \"contoso.com\"\n[[sources]]\ntype = \"archiving-export\"\n\
    path = \"e\"\n[directory]\ntype = \"csv\"\npath = \"d\"\n[target]\ntype = \"discard\"\n";
const ASKED: u64 = 1_000_000;

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|text| text.parse().ok())
        .collect();
    let number = |position: usize, default| numbers.get(position).copied().unwrap_or(default);
    let (runs, users) = (number(0, 5), number(1, 200_000));
    let connector = Connector::parse(CONNECTOR, Path::new("/")).unwrap();
    let mirror = Mirror::read(directory(users), &connector).unwrap();
    let asked: Vec<_> = (0..ASKED).map(|place| address(place, users)).collect();
    println!(
        "{users} users with 5 addresses, {ASKED} participants, {runs} runs; per second of CPU time"
    );
    print(
        "one core",
        (0..runs).map(|_| rate(&mirror, &asked)).collect(),
    );
    let both = |_| {
        std::thread::scope(|scope| {
            let threads = [(); 2].map(|()| scope.spawn(|| rate(&mirror, &asked)));
            let rates = threads.map(|thread| thread.join().unwrap());
            rates.iter().sum()
        })
    };
    print("two cores", (0..runs).map(both).collect());
}

/// The median, the least and the most.
fn print(what: &str, mut rates: Vec<f64>) {
    rates.sort_by(f64::total_cmp);
    let (median, least, most) = (rates[rates.len() / 2], rates[0], rates[rates.len() - 1]);
    println!("resolved on {what}: {median:.0} ({least:.0}-{most:.0})");
}

/// The directory file: five addresses a user.
fn directory(users: u64) -> Vec<u8> {
    let mut csv = "userPrincipalName,mail,proxyAddresses,sipAddress\n".to_owned();
    for user in 0..users {
        csv.push_str(&format!(
            "p{user}@contoso.com,firstname.lastname{user}@contoso.com,SMTP:firstname.lastname{user}@contoso.com;\
             smtp:f.lastname{user}@contoso.com;smtp:old{user}@contoso.net,sip:sip.lastname{user}@contoso.com\n"
        ));
    }
    csv.into_bytes()
}

/// A participant as sources write it: mostly the SIP address; one in ten is nobody of ours.
fn address(place: u64, users: u64) -> String {
    // Far from the one before, as participants are.
    let user = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) % users;
    match place % 10 {
        0 => format!("sip:stranger{user}@fabrikam.com"),
        1 => format!("Firstname.Lastname{user}@Contoso.com"),
        2 => format!("old{user}@contoso.net"),
        _ => format!("sip:Sip.Lastname{user}@contoso.com"),
    }
}

fn rate(mirror: &Mirror, asked: &[String]) -> f64 {
    let begun = cpu_time();
    let found = asked
        .iter()
        .filter(|address| black_box(mirror.mailbox(address)).is_some());
    let found = u64::try_from(found.count()).unwrap();
    let took = cpu_time().saturating_sub(begun);
    assert_eq!(found, ASKED / 10 * 9, "everybody of ours is found");
    f64::from(u32::try_from(ASKED).unwrap()) / took.as_secs_f64()
}

/// What this thread has used: others on the machine do not count.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap(),
        u32::try_from(now.tv_nsec).unwrap(),
    )
}
