//! Within version 1 the contract only grows: `chatkeep.v1.lock` is what peers may rely on.

mod render;

use std::collections::BTreeSet;

const LOCK: &str = include_str!("../../chatkeep.v1.lock");

fn difference<'a>(one: &BTreeSet<&'a str>, other: &BTreeSet<&'a str>) -> Vec<&'a str> {
    one.difference(other).copied().collect()
}

#[test]
fn nothing_that_a_peer_relies_on_is_gone_or_changed() {
    let current = render::lines();
    let current: BTreeSet<_> = current.iter().map(String::as_str).collect();

    let gone = difference(&LOCK.lines().collect(), &current);

    assert!(
        gone.is_empty(),
        "these were promised: put them back and add what is new beside them\n{}",
        gone.join("\n")
    );
}

#[test]
fn whatever_is_new_is_promised_from_now_on() {
    let current = render::lines();
    let current: BTreeSet<_> = current.iter().map(String::as_str).collect();

    let new = difference(&current, &LOCK.lines().collect());

    assert!(
        new.is_empty(),
        "run `cargo run -p chatkeep-proto --example lock > proto/chatkeep.v1.lock`\n{}",
        new.join("\n")
    );
}

#[test]
fn a_field_number_is_used_once_in_its_message() {
    let mut seen = BTreeSet::new();
    for line in LOCK.lines().filter(|line| line.starts_with("message ")) {
        let mut words = line.split(' ').skip(1);
        let (message, number) = (words.next().unwrap(), words.next().unwrap());
        assert!(seen.insert((message, number)), "{line}");
    }
    assert!(seen.len() > 100);
}
