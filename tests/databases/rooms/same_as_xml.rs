//! The same room and day out of the compliance adapter's files and out of the database.

use crate::sandbox::{Mail, Sandbox};

use super::{Rooms, morning};

const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;

/// Whom the adapter names as a sender.
struct Writer {
    id: i32,
    name: &'static str,
    address: &'static str,
    email: &'static str,
}

impl Writer {
    /// What the adapter writes of a chat message.
    fn message(&self, chat: i64, at: i64, content: &str) -> String {
        let Self {
            id,
            name,
            address,
            email,
        } = self;
        let ticks = TICKS_AT_EPOCH + at * 10_000_000;
        let since = at * 1_000;
        format!(
            "<Message type=\"CHAT\" content=\"{content}\" id=\"{chat}\">\
             <Sender UserName=\"{name}\" id=\"{id}\" email=\"{email}\" internal=\"true\" \
             uri=\"{address}\"/>\
             <DateTimeUTC since1970=\"{since}\" string=\"\" long=\"{ticks}\"/></Message>"
        )
    }
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
    let rooms = Rooms::anywhere();
    let (mgc, room, at) = (&rooms.mgc, rooms.room, morning(1));
    mgc.say(room, rooms.ann, at, "hello & welcome");
    mgc.say(room, rooms.bob, at, "same second");
    mgc.say(room, rooms.ann, at + 60, "[STORY]a|b");
    rooms.archive();
    let files = Sandbox::new();
    let uri = format!("ma-chan://contoso.com/{}", mgc.guid(room).to_lowercase());
    let ann = Writer {
        id: rooms.ann,
        name: "Ann Archer",
        address: "ann@contoso.com",
        email: "ann@contoso.com",
    };
    let bob = Writer {
        id: rooms.bob,
        name: "Bob Baker",
        address: "bob@contoso.com",
        email: "",
    };
    files.write(
        "compliance/a.xml",
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Conversations><Conversation>\
             <Channel uri=\"{uri}\" name=\"Project X\"/><Messages>{}{}{}</Messages>\
             </Conversation></Conversations>",
            ann.message(1, at, "hello &amp; welcome"),
            bob.message(2, at, "same second"),
            ann.message(3, at + 60, "[STORY]a|b"),
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
