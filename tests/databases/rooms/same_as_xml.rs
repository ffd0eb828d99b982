//! The same room and day out of the compliance adapter's files and out of the database.

use crate::sandbox::{Mail, Sandbox};

use super::{Rooms, morning};

const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;

/// What the adapter writes of a chat message.
fn message(
    id: i64,
    user: i32,
    name: &str,
    uri: &str,
    email: &str,
    at: i64,
    content: &str,
) -> String {
    let ticks = TICKS_AT_EPOCH + at * 10_000_000;
    format!(
        "<Message type=\"CHAT\" content=\"{content}\" id=\"{id}\">\
         <Sender UserName=\"{name}\" id=\"{user}\" email=\"{email}\" internal=\"true\" uri=\"{uri}\"/>\
         <DateTimeUTC since1970=\"{}\" string=\"\" long=\"{ticks}\"/></Message>",
        at * 1_000
    )
}

/// A mail without what is of its source: identities, and the boundary that is made of one.
fn without_source(mail: &Mail) -> String {
    let id = mail.header("Message-ID").unwrap();
    let id = id.trim_start_matches('<').split('.').next().unwrap();
    let text = String::from_utf8(mail.bytes.clone()).unwrap();
    let text = text.replace(id, "ITEM").replace(&id[..26], "ITEM");
    let lines = text.split("\r\n");
    let lines = lines.filter(|line| !line.starts_with("X-Chatkeep-Records-SHA256:"));
    // Only what stood behind it when it was folded.
    lines.collect::<Vec<_>>().join("\r\n")
}

#[test]
fn the_same_day_is_the_same_item_up_to_the_identities_of_its_records() {
    let rooms = Rooms::new();
    let (mgc, room, at) = (&rooms.mgc, rooms.room, morning(1));
    mgc.say(room, rooms.ann, at, "hello & welcome");
    mgc.say(room, rooms.bob, at, "same second");
    mgc.say(room, rooms.ann, at + 60, "[STORY]a|b");
    rooms.archive();
    let files = Sandbox::new();
    let uri = format!("ma-chan://contoso.com/{}", mgc.guid(room).to_lowercase());
    let ann = |id, at, content| {
        let email = "ann@contoso.com";
        message(
            id,
            rooms.ann,
            "Ann Archer",
            "ann@contoso.com",
            email,
            at,
            content,
        )
    };
    let bob = message(
        2,
        rooms.bob,
        "Bob Baker",
        "bob@contoso.com",
        "",
        at,
        "same second",
    );
    files.write(
        "compliance/a.xml",
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Conversations><Conversation>\
             <Channel uri=\"{uri}\" name=\"Project X\"/><Messages>{}{bob}{}</Messages>\
             </Conversation></Conversations>",
            ann(1, at, "hello &amp; welcome"),
            ann(3, at + 60, "[STORY]a|b"),
        ),
    );
    files.archive().assert_closed();

    for mailbox in ["ann@contoso.com", "bob@contoso.com"] {
        let (told, read) = (files.mails(mailbox), rooms.sandbox.mails(mailbox));

        assert_eq!((told.len(), read.len()), (1, 1));
        assert_eq!(without_source(&told[0]), without_source(&read[0]));
        assert_ne!(told[0].header("Message-ID"), read[0].header("Message-ID"));
    }
}
