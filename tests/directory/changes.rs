//! Who is renamed, moves an address, or leaves between two runs.

use chatkeep_testkit::graph::Kind;

use crate::world::World;

const HELLO: [(&str, &str); 2] = [("ann", "hello"), ("bob", "hi")];

fn counted(mails: &[(&str, usize)]) -> Vec<(String, usize)> {
    let mails = mails.iter();
    mails
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn a_renamed_user_gets_new_mail_under_the_new_name_and_old_mail_stays() {
    let world = World::new();
    world.sandbox.session("one", 1, &HELLO);
    let first = world.sandbox.archive();

    world.tenant.change("ann@contoso.com", |ann| {
        ann.rename("ann.married@contoso.com");
    });
    world.sandbox.session("two", 2, &HELLO);
    let second = world.sandbox.archive();

    assert_eq!(
        (first.code, second.code),
        (Some(0), Some(0)),
        "{}",
        second.stderr
    );
    let expected = [
        ("ann.married@contoso.com", 1),
        ("ann@contoso.com", 1),
        ("bob@contoso.com", 2),
    ];
    assert_eq!(world.mails(), counted(&expected));
    let rounds = world.tenant.counts().of(Kind::Delta);
    assert_eq!(rounds, 2, "one page in full, one of changes");
}

#[test]
fn an_address_that_moved_takes_its_mail_to_the_new_owner() {
    let world = World::new();
    let sales = "smtp:sales@contoso.com".to_owned();
    let lines = [("sales", "hello"), ("stranger", "hi")];
    let give = sales.clone();
    world
        .tenant
        .change("ann@contoso.com", |ann| ann.proxies.push(give));
    world.sandbox.session("one", 1, &lines);
    world.sandbox.archive();

    world.tenant.change("ann@contoso.com", |ann| {
        ann.proxies.retain(|proxy| *proxy != sales);
    });
    world
        .tenant
        .change("bob@contoso.com", |bob| bob.proxies.push(sales.clone()));
    world.sandbox.session("two", 2, &lines);
    world.sandbox.archive();

    let expected = [("ann@contoso.com", 1), ("bob@contoso.com", 1)];
    assert_eq!(world.mails(), counted(&expected));
}

#[test]
fn what_is_of_a_leaver_is_held_until_somebody_has_the_address() {
    let world = World::new();
    world.sandbox.session("one", 1, &HELLO);
    world.sandbox.archive();

    world.tenant.remove("ann@contoso.com", false);
    world.sandbox.session("two", 2, &HELLO);
    let held = world.sandbox.archive();
    let sales = "smtp:ann@contoso.com".to_owned();
    world
        .tenant
        .change("bob@contoso.com", |bob| bob.proxies.push(sales));
    world.sandbox.session("three", 3, &HELLO);
    let delivered = world.sandbox.archive();

    assert_eq!(held.code, Some(2), "{}", held.stderr);
    assert_eq!(held.report["held"][0]["source_user"], "ann@contoso.com");
    assert_eq!(delivered.code, Some(0), "{}", delivered.stderr);
    assert_eq!(world.mails()[0], ("ann@contoso.com".to_owned(), 1));
}
