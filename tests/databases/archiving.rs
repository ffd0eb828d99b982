//! Rows become mails.

use chatkeep_testkit::lcslog::{Late, Layout};

use crate::world::{World, address};

const DAY: i64 = 86_400;

#[test]
fn a_session_becomes_a_mail_in_both_mailboxes() {
    let world = World::anywhere(1);
    world.chat(0, 0, &[(1, "ann", "granite"), (2, "bob", "marble")]);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.read"), 2);
    assert_eq!(outcome.count("items"), 1);
    let mails = world.sandbox.mails("ann@contoso.com");
    assert_eq!(mails, world.sandbox.mails("bob@contoso.com"));
    assert_eq!(mails[0].header("From").unwrap(), "ann@contoso.com");
    let date = mails[0].header("Date").unwrap();
    assert_eq!(date, "Mon, 10 Mar 2025 08:00:01 +0000");
    let text = mails[0].text();
    assert!(
        text.contains("Ann Archer") || text.contains("ann@contoso.com"),
        "{text}"
    );
    assert!(text.find("granite") < text.find("marble"), "{text}");
}

#[test]
fn a_second_call_says_nothing_new_and_reads_the_overlap_only() {
    let world = World::new(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.archive_all();

    let again = world.archive();

    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("nothing new"), "{again:?}");
    let asked = world.pools[0].database.asked();
    // The one of the look beforehand, each time; of the second run none.
    assert_eq!(asked["messages"], 3, "{asked:?}");
}

#[test]
fn a_later_run_takes_what_is_new() {
    let world = World::anywhere(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.archive_all();
    world.chat(0, 100, &[(DAY + 100, "bob", "marble")]);

    // A day that lies before the position is read where somebody asks for it.
    let window = ["--from", "2025-03-11", "--to", "2025-03-12"];
    let outcome = world.archive_with(&window);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.count("records.read"), 1);
    for words in ["granite", "marble"] {
        assert_eq!(world.how_often("ann@contoso.com", words), 1, "{words}");
    }
}

#[test]
fn quirk_conference_mails_go_to_everybody_who_was_there_once() {
    let world = World::anywhere(1);
    let lines: [(i64, &str, &str, &[&str]); 3] = [
        (1, "bob", "granite", &["ann"]),
        (2, "ann", "marble", &["bob", "cem"]),
        (3, "cem", "basalt", &["ann", "bob"]),
    ];
    world.meeting(0, &lines);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.read"), 3);
    assert_eq!(outcome.count("items"), 1);
    for mailbox in ["ann@contoso.com", "bob@contoso.com", "cem.can@contoso.com"] {
        let mails = world.sandbox.mails(mailbox);
        assert_eq!(mails.len(), 1, "{mailbox}");
        let subject = mails[0].header("Subject").unwrap();
        assert!(subject.starts_with("Conference organized by ann@contoso.com"));
        let text = mails[0].text();
        let joined = text.find("joined").unwrap();
        assert!(text.find("granite").unwrap() < joined && joined < text.find("marble").unwrap());
    }
}

#[test]
fn quirk_conferences_are_left_alone_until_they_have_settled() {
    let world = World::anywhere(1);
    world.meeting(0, &[(1, "bob", "granite", &["ann"])]);
    world.connect("tls = \"none\"\nsettle = \"100years\"\n");

    let outcome = world.archive();

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(world.mails().is_empty());
}

#[test]
fn quirk_the_same_session_in_two_pools_is_one_conversation() {
    let world = World::anywhere(2);
    let lines = [(1, "ann", "granite"), (2, "bob", "marble")];
    world.chat(0, 0, &lines);
    // Their clocks differ by a second.
    let later = lines.map(|(second, who, text)| (second + 1, who, text));
    world.chat(1, 1, &later);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.read"), 4);
    assert_eq!(outcome.count("records.duplicates"), 2);
    assert_eq!(outcome.count("items"), 1);
    assert_eq!(world.how_often("bob@contoso.com", "granite"), 1);
    let date = world.sandbox.mails("bob@contoso.com")[0].header("Date");
    assert_eq!(date.unwrap(), "Mon, 10 Mar 2025 08:00:01 +0000");
}

#[test]
fn quirk_what_one_database_holds_twice_was_said_twice() {
    let world = World::anywhere(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.chat(0, 1, &[(2, "ann", "granite")]);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.rendered"), 2);
    assert_eq!(world.how_often("ann@contoso.com", "granite"), 2);
}

#[test]
fn quirk_a_longer_copy_is_a_revision_of_the_shorter_one() {
    let world = World::anywhere(2);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.chat(1, 1, &[(1, "ann", "granite"), (2, "bob", "marble")]);

    world.archive_all();

    let mails = world.sandbox.mails("ann@contoso.com");
    assert_eq!(mails.len(), 2);
    let revisions = mails
        .iter()
        .filter_map(|mail| mail.header("X-Chatkeep-Supersedes"));
    assert_eq!(revisions.count(), 1);
}

#[test]
fn quirk_rows_that_are_committed_late_are_found_in_the_overlap() {
    let world = World::anywhere(1);
    world.connect("tls = \"none\"\noverlap = \"1000000h\"\n");
    world.chat(0, 0, &[(1, "ann", "granite"), (5, "bob", "marble")]);
    world.archive_all();
    world.chat(0, 0, &[(3, "ann", "basalt")]);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.read"), 3);
    assert_eq!(outcome.count("records.duplicates"), 2);
    assert_eq!(outcome.count("records.rendered"), 1);
    for words in ["granite", "marble", "basalt"] {
        assert_eq!(world.how_often("ann@contoso.com", words), 1, "{words}");
    }
    let mails = world.sandbox.mails("ann@contoso.com");
    let threads: Vec<_> = mails.iter().map(|mail| mail.header("References")).collect();
    assert_eq!(threads[0], threads[1]);
}

#[test]
fn quirk_a_session_over_midnight_is_two_mails_of_one_thread() {
    let world = World::anywhere(1);
    let evening = 16 * 3_600 - 10;
    let lines = [(evening, "ann", "granite"), (evening + 20, "bob", "marble")];
    world.chat(0, evening, &lines);

    world.archive_all();

    let mails = world.sandbox.mails("ann@contoso.com");
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].header("References"), mails[1].header("References"));
}

#[test]
fn quirk_a_toast_that_was_answered_is_a_duplicate() {
    let world = World::anywhere(1);
    let mut toast = world.message(0, 0, (1, "ann", "granite"));
    toast.toast = true;
    world.pools[0].database.add(toast);
    world.chat(0, 0, &[(4, "ann", "granite")]);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.duplicates"), 1);
    assert_eq!(world.how_often("bob@contoso.com", "granite"), 1);
}

#[test]
fn quirk_a_message_of_a_user_who_is_gone_is_archived_all_the_same() {
    let world = World::anywhere(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let database = &world.pools[0].database;
    database.remove_user(database.user(&address("bob")));

    let outcome = world.archive();

    outcome.assert_closed();
    assert_eq!(outcome.count("records.rendered"), 1);
    assert_eq!(world.how_often("ann@contoso.com", "granite"), 1);
}

#[test]
fn quirk_a_body_that_is_no_text_is_quarantined_alone_and_once() {
    let world = World::anywhere(1);
    world.connect("tls = \"none\"\noverlap = \"1000000h\"\n");
    world.chat(0, 0, &[(1, "ann", "granite")]);
    let mut broken = world.message(0, 0, (2, "bob", "marble"));
    broken.body = Some(vec![0xDC00]);
    world.pools[0].database.add(broken);

    let outcome = world.archive();
    let again = world.archive();

    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("records.quarantined"), 1);
    assert_eq!(world.how_often("ann@contoso.com", "granite"), 1);
    assert!(again.stdout.contains("nothing new"), "{again:?}");
}

#[test]
fn what_is_outside_the_archiving_scope_is_excluded_by_name_and_once() {
    let world = World::anywhere(1);
    world.connect("tls = \"none\"\noverlap = \"1000000h\"\nscope = [\"cem@contoso.com\"]\n");
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.meeting(9, &[(10, "cem", "basalt", &["ann"])]);

    let outcome = world.archive_all();
    let again = world.archive();

    assert_eq!(outcome.count("records.excluded"), 1);
    assert!(outcome.stdout.contains("archiving scope"), "{outcome:?}");
    assert_eq!(world.how_often("ann@contoso.com", "granite"), 0);
    assert_eq!(world.how_often("ann@contoso.com", "basalt"), 1);
    assert!(again.stdout.contains("nothing new"), "{again:?}");
}

#[test]
fn many_rows_come_in_pages_and_none_is_lost() {
    let world = World::anywhere(1);
    world.connect("tls = \"none\"\npage_size = 7\n");
    for number in 0..500_i64 {
        let text = format!("text {number};");
        // Five share a time.
        let message = world.message(0, number % 20, (number / 5, "ann", &text));
        world.pools[0].database.add(message);
    }

    let outcome = world.archive_all();

    assert_eq!(outcome.count("records.rendered"), 500);
    assert_eq!(outcome.count("items"), 20);
    for number in [0, 6, 7, 8, 250, 499] {
        let words = format!("text {number};");
        assert_eq!(world.how_often("bob@contoso.com", &words), 1, "{words}");
    }
}

#[test]
fn quirk_rows_that_are_committed_while_a_run_reads_are_found_by_the_next_one() {
    let world = World::new(1);
    world.connect("tls = \"none\"\npage_size = 2\noverlap = \"1000000h\"\n");
    let lines: Vec<_> = (0..9).map(|second| (second, "ann", "granite")).collect();
    world.chat(0, 0, &lines);
    // The look beforehand is the first to ask; the second page of the run the third.
    for (nth, second) in [(3, 0), (4, 8), (6, 1)] {
        let late = world.message(0, 0, (second, "bob", "marble"));
        let database = &world.pools[0].database;
        database.commit_at("messages", nth, Late::Message(late));
    }

    let first = world.archive_all();
    let second = world.archive_all();

    assert!(first.count("records.rendered") < 12);
    let rendered = first.count("records.rendered") + second.count("records.rendered");
    assert_eq!(rendered, 12);
    assert_eq!(world.how_often("ann@contoso.com", "granite"), 9);
    assert_eq!(world.how_often("ann@contoso.com", "marble"), 3);
}

#[test]
fn quirk_a_database_of_another_layout_is_read_as_well() {
    let world = World::with_layout(Layout::UriColumn);
    let database = &world.pools[0].database;
    for (table, column) in [
        ("Messages", "Toast"),
        ("ConferenceMessageRecipientList", "SessionIdTime"),
        ("Conferences", "OrganizerId"),
    ] {
        database.drop_column(table, column);
    }
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.meeting(9, &[(10, "bob", "basalt", &["ann"])]);

    let outcome = world.archive_all();

    assert_eq!(outcome.count("items"), 2);
    for words in ["granite", "basalt"] {
        assert_eq!(world.how_often("ann@contoso.com", words), 1, "{words}");
    }
    let check = world.sandbox.run(&["check", "connector.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(
        check
            .stdout
            .contains("not in this database: Messages.Toast")
    );
    assert!(
        check
            .stdout
            .contains("messages from 2025-03-10 to 2025-03-10")
    );
}
