use chatkeep_model::{Content, Event, Kind, What};

use crate::{
    build::{ROOM, compliance, event},
    sandbox::{Ran, Sandbox},
};

const OCTOBER_14: i64 = 1_476_403_200;
const DAY: i64 = 86_400;
const GUID: &str = "0988239a-bb66-4616-90a4-b07771a2097c.txt";

fn events(ran: &Ran) -> &[Event] {
    let Content::Events(events) = &ran.conversations[0].content else {
        panic!("events");
    };
    events
}

#[tokio::test]
async fn a_compliance_file_becomes_one_conversation_per_room_and_day() {
    let mut sandbox = Sandbox::rooms();
    sandbox.write("out/room.xml", ROOM);

    let ran = sandbox.archive().await;

    // FirstMessage is repeated in Messages and counts once.
    assert_eq!(ran.captured.records_read, 8);
    assert_eq!((ran.assembled.conversations, ran.assembled.records), (1, 8));
    let room = &ran.conversations[0];
    assert_eq!(room.kind, Kind::Room);
    assert_eq!(room.subject.as_deref(), Some("Project X"));
    assert_eq!(
        room.key.as_str(),
        "room:ma-chan://contoso.com/300@2016-10-14"
    );
    assert_eq!(room.thread.as_str(), "room:ma-chan://contoso.com/300");
    assert_eq!(room.participants[0].name.as_deref(), Some("Ann Example"));
    assert_eq!(room.participants[1].address, "bob@contoso.com");
    assert_eq!(room.participants[1].email, None);
    let what: Vec<_> = events(&ran).iter().map(|event| &event.what).collect();
    assert_eq!(what[0], &What::Joined);
    assert!(matches!(what[1], What::Said(body) if body.text == "hello <all>\n😀"));
    assert!(matches!(what[3], What::SaidInBackchat(body) if body.text == "psst"));
    assert!(matches!(what[6], What::Other { name, .. } if name == "REPLACED"));
    assert_eq!(what[7], &What::Left);
}

#[tokio::test]
async fn files_beside_the_compliance_file_go_with_the_conversation() {
    let mut sandbox = Sandbox::rooms();
    sandbox.write("out/room.xml", ROOM);
    sandbox.write(&format!("out/{GUID}"), "Revenue: 42");
    sandbox.write("out/room.ATTACH", format!("{GUID}\tC:\\x\\Budget.txt\r\n"));

    let ran = sandbox.archive().await;

    assert_eq!((ran.listed.files, ran.listed.foreign), (1, 0));
    let attachments = &ran.conversations[0].attachments;
    assert_eq!(attachments.len(), 1);
    assert_eq!(attachments[0].name, "Budget.txt");
    assert_eq!(attachments[0].size, 11);
}

#[tokio::test]
async fn first_messages_count_where_they_are_not_repeated() {
    let mut sandbox = Sandbox::rooms();
    let text = String::from_utf8(ROOM.to_vec()).unwrap();
    let lonely = text.replacen("<Message type=\"JOIN\"", "<Message type=\"KNOCK\"", 1);
    sandbox.write("room.xml", lonely);

    let ran = sandbox.archive().await;

    assert_eq!(ran.captured.records_read, 9);
}

#[tokio::test]
async fn utf_16_is_read_as_utf_8_is() {
    let text = String::from_utf8(ROOM.to_vec()).unwrap();
    let text = text.replace("utf-8", "utf-16");
    let little: Vec<u8> = "\u{FEFF}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut plain = Sandbox::rooms();
    plain.write("room.xml", ROOM);
    let expected = plain.archive().await.conversations;

    for bytes in [little, big, text.into_bytes()] {
        let mut sandbox = Sandbox::rooms();
        sandbox.write("room.xml", bytes);

        assert_eq!(sandbox.archive().await.conversations, expected);
    }
}

#[tokio::test]
async fn damaged_files_give_no_record_at_all() {
    let mut sandbox = Sandbox::rooms();
    let text = String::from_utf8(ROOM.to_vec()).unwrap();
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>\n<Conversations>";
    sandbox.write("bomb.xml", text.replace("<Conversations", bomb));
    sandbox.write("cut.xml", &text[..text.len() - 20]);
    sandbox.write("empty.xml", "");
    sandbox.write("entity.xml", text.replace("psst", "&evil;"));
    sandbox.write("foreign.xml", "<html/>");
    sandbox.write(
        "latin.xml",
        text.replace("psst", "x").replace("utf-8", "klingon"),
    );
    sandbox.write("roomless.xml", text.replace("<Channel", "<Canal"));
    sandbox.write(
        "sample.xml",
        text.replace("<FirstMessage", "<<FirstMessage"),
    );
    sandbox.write("timeless.xml", text.replace("<DateTimeUTC", "<Time"));

    let ran = sandbox.archive().await;
    let again = sandbox.archive().await;

    let quarantined = ran.captured.quarantined.iter();
    let reasons: Vec<_> = quarantined
        .map(|one| (&*one.source, &*one.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            ("bomb.xml", "entities refused"),
            ("cut.xml", "file breaks off before its last closing tag"),
            ("empty.xml", "file is empty"),
            ("entity.xml", "entities refused"),
            ("foreign.xml", "file is not a compliance file"),
            ("latin.xml", "file is not in the encoding it declares"),
            ("roomless.xml", "event without a room"),
            ("sample.xml", "file is not well-formed XML"),
            ("timeless.xml", "event without a time"),
        ]
    );
    assert_eq!((ran.captured.records_read, ran.conversations.len()), (9, 0));
    assert_eq!(again.listed.unchanged, 9);
}

#[tokio::test]
async fn events_that_come_again_are_duplicates_and_equal_ones_are_not() {
    let mut sandbox = Sandbox::rooms();
    let twice = [
        event("x", "CHAT", "ann", OCTOBER_14).saying(0, "again"),
        event("x", "CHAT", "ann", OCTOBER_14).saying(0, "again"),
    ];
    sandbox.write("a.xml", compliance(&twice));
    sandbox.write("b.xml", compliance(&twice[..1]));
    let first = sandbox.archive().await;
    sandbox.write("c.xml", compliance(&twice));

    let second = sandbox.archive().await;

    assert_eq!(
        (first.captured.records_read, first.captured.duplicates.len()),
        (3, 1)
    );
    assert_eq!(first.assembled.records, 2);
    assert_eq!(second.captured.duplicates.len(), 2);
    assert_eq!(second.assembled.records, 0);
}

#[tokio::test]
async fn rosters_are_carried_from_day_to_day_until_somebody_leaves() {
    let mut sandbox = Sandbox::rooms();
    let events = [
        event("x", "JOIN", "ann", OCTOBER_14),
        event("x", "JOIN", "bob", OCTOBER_14 + 1),
        event("x", "CHAT", "carol", OCTOBER_14 + DAY).saying(1, "hi"),
        event("x", "PART", "ann", OCTOBER_14 + DAY + 1),
        event("x", "CHAT", "carol", OCTOBER_14 + 2 * DAY).saying(2, "hi"),
    ];
    // Told in any order.
    sandbox.write("a.xml", compliance([&events[4], &events[1], &events[3]]));
    sandbox.write("b.xml", compliance([&events[2], &events[0]]));

    let ran = sandbox.archive().await;

    let days = ran.conversations.iter().map(|conversation| {
        let participants = conversation.participants.iter();
        participants
            .map(|one| one.name.clone().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(
        days.collect::<Vec<_>>(),
        [
            vec!["ann", "bob"],
            vec!["carol", "ann", "bob"],
            vec!["carol", "bob"]
        ]
    );
    let state = sandbox.ledger.state();
    let present = &state.rosters["ma-chan://contoso.com/x"];
    assert_eq!(present.len(), 1);
    assert_eq!(present[0].address, "bob@contoso.com");
}

#[tokio::test]
async fn events_of_excluded_senders_are_left_out_by_rule() {
    let mut sandbox = Sandbox::rooms().exclude("bots", "bot*@contoso.com");
    let events = [
        event("x", "CHAT", "bot7", OCTOBER_14).saying(1, "beep"),
        event("x", "CHAT", "ann", OCTOBER_14 + 1).saying(2, "hi"),
    ];
    sandbox.write("a.xml", compliance(&events));

    let ran = sandbox.archive().await;

    assert_eq!(ran.captured.excluded[0].rule, "bots");
    assert_eq!((ran.captured.records_read, ran.assembled.records), (2, 1));
}

#[tokio::test]
async fn many_rooms_and_days_are_all_assembled_in_order() {
    let mut sandbox = Sandbox::rooms();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    for file in 0..40 {
        let days = names.iter().enumerate().map(|(index, room)| {
            let index = i64::try_from(index).unwrap();
            let at = OCTOBER_14 + (file % 20) * DAY + index + file;
            event(room, "CHAT", "ann", at).saying(file, "hi")
        });
        let days: Vec<_> = days.collect();
        sandbox.write(&format!("{file:02}.xml"), compliance(&days));
    }

    let ran = sandbox.archive().await;

    assert_eq!(ran.assembled.conversations, 12 * 20);
    assert_eq!(ran.assembled.records, 12 * 40);
    for conversation in &ran.conversations {
        assert_eq!(conversation.records.len(), 2);
        assert!(conversation.start <= conversation.end);
    }
}

#[tokio::test]
async fn elements_nested_without_end_are_damage() {
    let mut sandbox = Sandbox::rooms();
    sandbox.write("a.xml", format!("<Conversations>{}", "<a>".repeat(100_000)));

    let ran = sandbox.archive().await;

    assert_eq!(
        ran.captured.quarantined[0].reason,
        "elements are nested too deep"
    );
}

#[tokio::test]
async fn every_claim_names_the_file_that_holds_the_event() {
    let mut sandbox = Sandbox::rooms();
    let said = |id| event("x", "CHAT", "ann", OCTOBER_14).saying(id, "hello");
    sandbox.write("a.xml", compliance([&said(1), &said(3)]));
    sandbox.write("b.xml", compliance([&said(2)]));

    sandbox.archive().await;

    let state = sandbox.ledger.state();
    let mut entries: Vec<_> = state.claims.values().map(|claim| claim.entry).collect();
    entries.sort_unstable();
    assert_eq!(entries, [0, 0, 1]);
}
