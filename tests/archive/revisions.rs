use crate::sandbox::{Sandbox, session};

#[test]
fn a_file_that_changed_is_a_revision_of_what_it_was() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.archive();
    let first = sandbox.mails("ann@contoso.com")[0]
        .header("Message-ID")
        .unwrap();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi"), ("ann", "bye")]);

    let outcome = sandbox.archive();

    assert_eq!(outcome.count("records.rendered"), 1, "{outcome:?}");
    let mails = sandbox.mails("ann@contoso.com");
    assert_eq!(mails.len(), 2);
    let superseded = mails
        .iter()
        .find_map(|mail| mail.header("X-Chatkeep-Supersedes"));
    let superseded = superseded.unwrap();
    let id = first.trim_start_matches('<').split('.').next().unwrap();
    assert!(superseded.contains(id), "{superseded} names {first}");
}

#[test]
fn the_same_session_from_two_pools_is_one_conversation() {
    let sandbox = Sandbox::new();
    let eml = session(0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.write("exports/pool1/a.eml", &eml);
    sandbox.write("exports/pool2/a.eml", &eml);

    let outcome = sandbox.archive();

    outcome.assert_closed();
    assert_eq!(outcome.count("records.duplicates"), 1);
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}

#[test]
fn a_longer_copy_of_another_pool_names_the_shorter_one_and_a_shorter_one_names_none() {
    let short = session(0, &[("ann", "hello"), ("bob", "hi")]);
    let long = session(0, &[("ann", "hello"), ("bob", "hi"), ("ann", "bye")]);
    for (first, second, superseding) in [(&short, &long, 1), (&long, &short, 0)] {
        let sandbox = Sandbox::new();
        sandbox.write("exports/pool1/a.eml", first);
        sandbox.archive();
        sandbox.write("exports/pool2/a.eml", second);

        let outcome = sandbox.archive();

        outcome.assert_closed();
        assert_eq!(outcome.count("records.rendered"), 1, "{outcome:?}");
        let mails = sandbox.mails("ann@contoso.com");
        assert_eq!(mails.len(), 2);
        let named = mails
            .iter()
            .filter(|mail| mail.header("X-Chatkeep-Supersedes").is_some());
        assert_eq!(named.count(), superseding);
    }
}

#[test]
fn pools_may_disagree_on_the_start_by_two_seconds() {
    let sandbox = Sandbox::new();
    let eml = session(0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.write("exports/pool1/a.eml", &eml);
    sandbox.write(
        "exports/pool2/a.eml",
        eml.replace("08:00:00 +0000", "08:00:02 +0000"),
    );

    let outcome = sandbox.archive();

    outcome.assert_closed();
    assert_eq!(outcome.count("records.duplicates"), 1, "{outcome:?}");
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}

#[test]
fn two_sessions_with_the_same_words_are_two() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    let later = session(0, &[("ann", "hello"), ("bob", "hi")]);
    sandbox.write(
        "exports/b.eml",
        later.replace("08:00:00 +0000", "08:00:03 +0000"),
    );

    let outcome = sandbox.archive();

    assert_eq!(outcome.count("records.rendered"), 2, "{outcome:?}");
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 2);
}
