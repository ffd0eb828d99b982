//! Rooms of a Persistent Chat database, archived by the real program over the real protocol.

mod changes;
mod company;
mod crash;
mod looking;
mod refusals;
mod same_as_xml;
mod scheduled;
mod shown;

use self::company::{Rooms, morning};

#[test]
fn a_room_on_a_day_is_one_item_for_everybody_who_wrote() {
    let rooms = Rooms::anywhere();
    let (mgc, room) = (&rooms.mgc, rooms.room);
    mgc.say(room, rooms.ann, morning(2), "hello");
    mgc.say(room, rooms.bob, morning(2) + 1, "hi <b>");
    mgc.say(room, rooms.ann, morning(1), "next day");
    let other = mgc.room("Room 2");
    mgc.say(other, rooms.bob, morning(1), "alone");

    let outcome = rooms.archive();

    assert_eq!(outcome.count("records.read"), 4, "{outcome:?}");
    assert_eq!(outcome.count("items"), 3);
    let mails = rooms.sandbox.mails("ann@contoso.com");
    assert_eq!(mails.len(), 2);
    let subjects = mails.iter().map(|mail| mail.header("Subject").unwrap());
    assert!(
        subjects
            .into_iter()
            .all(|subject| subject == "Persistent chat room Project X")
    );
    let first = mails
        .iter()
        .find(|mail| mail.text().contains("hello"))
        .unwrap();
    assert!(
        first.text().contains("Bob Baker: hi <b>"),
        "{}",
        first.text()
    );
    assert_eq!(
        first.header("Email").unwrap(),
        "ann@contoso.com, bob@contoso.com"
    );
    assert_eq!(rooms.sandbox.mails("bob@contoso.com").len(), 2);
}

#[test]
fn the_next_run_takes_only_what_is_new() {
    let rooms = Rooms::anywhere();
    rooms.mgc.say(rooms.room, rooms.ann, morning(2), "hello");
    rooms.archive();
    let nothing = rooms.archive();
    rooms.mgc.say(rooms.room, rooms.bob, morning(1), "late");
    let before = rooms.sandbox.mails("ann@contoso.com");

    let outcome = rooms.archive();

    assert!(nothing.stdout.contains("nothing new"), "{nothing:?}");
    assert_eq!(outcome.count("records.read"), 1, "{outcome:?}");
    assert_eq!(outcome.count("records.duplicates"), 0);
    assert_eq!(rooms.sandbox.mails("ann@contoso.com"), before);
    assert_eq!(rooms.sandbox.mails("bob@contoso.com").len(), 1);
}

#[test]
fn the_mail_address_of_a_principal_is_evidence_for_the_mapping() {
    let rooms = Rooms::anywhere();
    let cem = rooms.mgc.person(
        "sip:other@contoso.com",
        "Cem Can",
        Some("cem.can@contoso.com"),
    );
    rooms.mgc.say(rooms.room, cem, morning(1), "it is me");

    rooms.archive();

    assert_eq!(rooms.sandbox.mails("cem.can@contoso.com").len(), 1);
}

#[test]
fn rows_whose_principal_is_gone_are_archived() {
    let rooms = Rooms::anywhere();
    rooms.mgc.say(rooms.room, 99, morning(1), "who am I");
    rooms
        .mgc
        .say(rooms.room, rooms.ann, morning(1) + 1, "nobody");

    rooms.archive();

    let text = rooms.sandbox.mails("ann@contoso.com")[0].text();
    assert!(text.contains("user 99: who am I"), "{text}");
}

#[test]
fn formatted_messages_are_shown_as_their_sender_formatted_them() {
    let rooms = Rooms::anywhere();
    let rtf = "{\\rtf1\\ansi {\\b bold} words\\par}";
    rooms
        .mgc
        .say_formatted(rooms.room, rooms.ann, morning(1), ("bold words", rtf));

    rooms.archive();

    let mail = &rooms.sandbox.mails("ann@contoso.com")[0];
    assert!(
        mail.text().contains("Ann Archer: bold words"),
        "{}",
        mail.text()
    );
    assert!(String::from_utf8_lossy(&mail.bytes).contains("<b>bold</b>"));
}

#[test]
fn a_run_for_certain_days_takes_these_and_leaves_the_others_for_a_later_one() {
    let rooms = Rooms::anywhere();
    for days_ago in [3, 2, 1] {
        rooms
            .mgc
            .say(rooms.room, rooms.ann, morning(days_ago), "hello");
    }
    let date = |days_ago| {
        let seconds = jiff::Timestamp::from_second(morning(days_ago)).unwrap();
        seconds.to_string()[..10].to_owned()
    };

    let some = rooms.archive_with(&["--from", &date(2), "--to", &date(1)]);
    let rest = rooms.archive();

    assert_eq!(some.count("records.rendered"), 1, "{some:?}");
    assert_eq!(rest.count("records.rendered"), 2, "{rest:?}");
    assert_eq!(rest.count("records.duplicates"), 1);
    assert_eq!(rooms.sandbox.mails("ann@contoso.com").len(), 3);
}

#[test]
fn what_lies_behind_the_sources_last_day_is_read_when_that_day_is_moved() {
    let rooms = Rooms::anywhere();
    let date = |days_ago| {
        jiff::Timestamp::from_second(morning(days_ago))
            .unwrap()
            .to_string()
    };
    rooms.mgc.say(rooms.room, rooms.ann, morning(3), "inside");
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), "outside");
    rooms.write_connector(&format!("to = '{}'", &date(2)[..10]));
    let first = rooms.archive();
    rooms.archive();
    rooms.write_connector("");

    let second = rooms.archive();

    assert_eq!(first.count("records.rendered"), 1, "{first:?}");
    assert_eq!(second.count("records.rendered"), 1, "{second:?}");
    assert_eq!(rooms.sandbox.mails("ann@contoso.com").len(), 2);
}

#[test]
fn messages_of_excluded_senders_are_counted_and_left_out() {
    let rooms = Rooms::anywhere();
    let bot = rooms.mgc.person("sip:bot@apps.contoso.com", "Bot", None);
    rooms.mgc.say(rooms.room, bot, morning(1), "beep");
    rooms
        .mgc
        .say(rooms.room, rooms.ann, morning(1) + 1, "hello");
    rooms.write_connector("[[exclude]]\nname = 'bots'\naddress = '*@apps.contoso.com'\n");

    let outcome = rooms.archive();

    assert_eq!(outcome.count("records.excluded"), 1, "{outcome:?}");
    assert!(
        !rooms.sandbox.mails("ann@contoso.com")[0]
            .text()
            .contains("beep")
    );
}

#[test]
fn half_a_surrogate_pair_costs_one_letter_and_no_message() {
    let rooms = Rooms::anywhere();
    let units = [0x68, 0xD83D, 0x69];
    rooms
        .mgc
        .say_units(rooms.room, rooms.ann, morning(1), &units);
    rooms.mgc.say(rooms.room, rooms.ann, morning(1) + 1, "next");

    rooms.archive();

    let text = rooms.sandbox.mails("ann@contoso.com")[0].text();
    assert!(
        text.contains("Ann Archer: h\u{FFFD}i") && text.contains("next"),
        "{text}"
    );
}

#[test]
fn check_tells_what_the_database_holds() {
    let rooms = Rooms::anywhere();
    rooms.mgc.say(rooms.room, rooms.ann, morning(2), "hello");
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), "next day");
    rooms.mgc.drop_column("tblChat", "rtf");

    rooms.fill();
    let outcome = rooms.sandbox.run(&["check", "connector.toml"]);

    let days = [morning(2), morning(1)].map(|at| jiff::Timestamp::from_second(at).unwrap());
    let days = days.map(|day| day.to_string()[..10].to_owned());
    let found = format!(
        "persistent-chat-database: messages from {} to {}",
        days[0], days[1]
    );
    assert!(outcome.stdout.contains(&found), "{outcome:?}");
    assert!(
        outcome.stdout.contains("not in this database: tblChat.rtf"),
        "{outcome:?}"
    );
}
