//! Changes that take two people, who have nothing but scripts.

use std::fs;

use crate::{
    approval::{COLLEAGUE, approving},
    script::{Script, local},
    system::ADMINISTRATOR,
};

const NAME: &str = "Contoso Skype for Business";

#[tokio::test(flavor = "multi_thread")]
async fn two_people_decide_by_scripts_and_the_server_tells_of_it_as_the_ledger_does() {
    let system = approving().await;
    let ann = Script::new(&system, &ADMINISTRATOR);
    let bob = Script::new(&system, &COLLEAGUE);
    let operator = Script::new(&system, &["Operator"]);
    let file = system.folder.path().join("connector.toml");
    let file = file.to_str().unwrap();
    let put = [
        "connectors",
        "put",
        "--manual",
        "--reason",
        "ticket 4711",
        file,
    ];

    let proposed = ann.run(&put);
    let waits = bob.run(&["changes", "list"]);
    let early = operator.run(&["connectors", "run", NAME]);
    let own = ann.run(&["changes", "approve", "1"]);
    let roleless = operator.run(&["changes", "approve", "1"]);
    let approved = bob.run(&["changes", "approve", "1", "--reason", "agreed"]);
    let late = bob.run(&["changes", "approve", "1"]);
    let delete = ["connectors", "delete", NAME, "--reason", "left the bank"];
    let deleting = ann.run(&delete);
    let rejected = bob.run(&["changes", "reject", "2", "--reason", "still needed"]);
    let copying = ann.run(&["connectors", "clone", NAME, "Second", "--reason", "a trial"]);
    let others = bob.run(&["changes", "withdraw", "3"]);
    let withdrawn = ann.run(&["changes", "withdraw", "3"]);
    let kept = ann.run(&["connectors", "list"]);
    ann.run(&delete).assert_done();
    let deleted = bob.run(&["changes", "approve", "4"]);
    let gone = ann.run(&["connectors", "list"]);

    for (proposed, change) in [(&proposed, 1), (&deleting, 2), (&copying, 3)] {
        proposed.assert_done();
        let words = format!("proposed as change {change}, which another person");
        assert!(proposed.stdout.contains(&words), "{proposed:?}");
    }
    assert_eq!(waits.stdout.lines().count(), 2, "{waits:?}");
    early.assert_refused(&format!("no connector {NAME}"));
    own.assert_refused("another person has to decide");
    roleless.assert_refused("not allowed: this takes the role");
    let now = "has version 1 now\n";
    assert!(approved.stdout.ends_with(now), "{approved:?}");
    late.assert_refused("does not wait any more");
    assert_eq!(rejected.stdout, "change 2 rejected\n", "{rejected:?}");
    others.assert_refused("not allowed");
    assert_eq!(withdrawn.stdout, "change 3 withdrawn\n", "{withdrawn:?}");
    assert_eq!(kept.stdout.lines().count(), 2, "{kept:?}");
    assert!(deleted.stdout.ends_with("is deleted\n"), "{deleted:?}");
    assert_eq!(gone.stdout.lines().count(), 1, "{gone:?}");
    let questions: [&[&str]; 6] = [
        &["changes", "list"],
        &["changes", "list", "--all"],
        &["changes", "show", "1"],
        &["changes", "show", "2"],
        &["changes", "show", "3"],
        &["changes", "show", "99"],
    ];
    let told = questions.map(|question| bob.run(question));
    let folder = system.stop();
    for (question, told) in questions.iter().zip(&told) {
        assert_eq!(*told, local(folder.path(), question), "{question:?}");
    }
    let said = [
        (2, "reason: ticket 4711"),
        (2, "mapping.unmapped\t-\thold"),
        (3, "reason: left the bank"),
        (3, "by DataConnectorAdmin"),
        (3, ": still needed"),
        (4, "reason: a trial"),
    ];
    for (place, words) in said {
        assert!(told[place].stdout.contains(words), "{words} {told:?}");
    }
    assert_eq!(told[1].stdout.lines().count(), 5, "{told:?}");
    told[5].assert_refused("proposal is unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_was_changed_since_is_refused_and_proposed_again() {
    let system = approving().await;
    let ann = Script::new(&system, &ADMINISTRATOR);
    let bob = Script::new(&system, &COLLEAGUE);
    let file = system.folder.path().join("connector.toml");
    let catching = system.folder.path().join("catching.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&catching, text.replace("\"hold\"", "\"catch@contoso.com\"")).unwrap();
    let (file, catching) = (file.to_str().unwrap(), catching.to_str().unwrap());
    ann.run(&["connectors", "put", "--manual", file])
        .assert_done();
    bob.run(&["changes", "approve", "1"]).assert_done();

    let proposed = ann.run(&["connectors", "put", catching]);
    // What needs no approval counts at once.
    let scheduled = ann.run(&["connectors", "put", file]);
    let listed = bob.run(&["changes", "list"]);
    let stale = bob.run(&["changes", "approve", "2"]);
    let again = ann.run(&["connectors", "put", catching]);
    let approved = bob.run(&["changes", "approve", "3"]);
    let shown = ann.run(&["connectors", "show", NAME]);

    assert!(proposed.stdout.contains("as change 2,"), "{proposed:?}");
    assert!(scheduled.stdout.contains("replaced"), "{scheduled:?}");
    assert!(listed.stdout.contains("waiting, out of date"), "{listed:?}");
    stale.assert_refused("another version was stored since");
    assert!(again.stdout.contains("as change 3,"), "{again:?}");
    approved.assert_done();
    assert!(shown.stdout.contains("catch@contoso.com"), "{shown:?}");
}
