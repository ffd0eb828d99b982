use chatkeep_model::connector::PolicyTag;
use serde_json::Value;

use super::*;

const CLASS: &str = "IPM.Note.SkypeForBusiness.Conversation";

fn marks() -> Marks {
    Marks {
        class: CLASS.to_owned(),
        tag: None,
    }
}

fn message(html: &str, files: &[(&str, usize)]) -> Message {
    let mut text = format!(
        "From: =?utf-8?q?J=C3=B6rg?= <joerg@contoso.com>\r\nTo: Bob <bob@contoso.com>,\r\n cem@contoso.com\r\n\
         Subject: Conversation between =?utf-8?q?J=C3=B6rg?= and Bob\r\nDate: Mon, 04 Mar 2019 10:00:00 +0000\r\n\
         Message-ID: <x.1@contoso.com>\r\nIn-Reply-To: <root@contoso.com>\r\nReferences: <root@contoso.com>\r\n\
         Email: joerg@contoso.com,\r\n bob@contoso.com,\r\n cem@contoso.com\r\nX-Chatkeep-Kind: p2p\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"m\"\r\n\r\n--m\r\n\
         Content-Type: multipart/alternative;\r\n boundary=\"a\"\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nHi\r\n\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n--a--\r\n"
    );
    for (name, size) in files {
        let content = BASE64.encode(&vec![7; *size]);
        text.push_str(&format!(
            "\r\n--m\r\nContent-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{content}\r\n"
        ));
    }
    text.push_str("\r\n--m--\r\n");
    Message {
        id: "<x.1@contoso.com>".to_owned(),
        date: 1_551_693_600,
        bytes: text.into(),
    }
}

fn created(item: &Item) -> Value {
    serde_json::from_slice(&item.create).unwrap()
}

fn property_of(created: &Value, id: &str) -> Option<String> {
    let properties = created["singleValueExtendedProperties"].as_array().unwrap();
    let found = properties.iter().find(|property| property["id"] == id)?;
    found["value"].as_str().map(str::to_owned)
}

#[test]
fn a_message_becomes_the_fields_of_graph() {
    let item = Item::of(&message("<p>Hi</p>", &[("a.txt", 10)]), &marks()).unwrap();
    let created = created(&item);

    assert_eq!(created["subject"], "Conversation between Jörg and Bob");
    assert_eq!(created["from"]["emailAddress"]["name"], "Jörg");
    assert_eq!(created["sender"], created["from"]);
    let to = created["toRecipients"].as_array().unwrap();
    assert_eq!(to.len(), 2);
    assert_eq!(to[1]["emailAddress"]["address"], "cem@contoso.com");
    assert_eq!(created["body"]["contentType"], "html");
    assert!(
        created["body"]["content"]
            .as_str()
            .unwrap()
            .contains("<p>Hi</p>")
    );
    assert_eq!(created["isRead"], true);
    let wanted = [
        (property::FLAGS, "1"),
        (property::SUBMITTED, "2019-03-04T10:00:00Z"),
        (property::DELIVERED, "2019-03-04T10:00:00Z"),
        (property::CLASS, CLASS),
        (property::KEY, "<x.1@contoso.com>"),
        (property::IN_REPLY_TO, "<root@contoso.com>"),
        (
            property::EMAIL,
            "joerg@contoso.com;bob@contoso.com;cem@contoso.com",
        ),
        (&property::header("X-Chatkeep-Kind"), "p2p"),
    ];
    for (id, value) in wanted {
        assert_eq!(property_of(&created, id).as_deref(), Some(value), "{id}");
    }
    assert_eq!(property_of(&created, property::FILES), None);
    assert_eq!(property_of(&created, property::TAG), None);
}

#[test]
fn a_retention_tag_goes_along_with_its_period() {
    let id = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
    let tagged = Marks {
        tag: Some(PolicyTag { id, days: 3_650 }),
        ..marks()
    };

    let item = Item::of(&message("<p>Hi</p>", &[]), &tagged).unwrap();

    let created = created(&item);
    let tag = property_of(&created, property::TAG);
    assert_eq!(tag.as_deref(), Some("MyIRAFVEd2aImaq7zN3u/w=="));
    let period = property_of(&created, property::PERIOD);
    assert_eq!(period.as_deref(), Some("3650"));
}

#[test]
fn the_bytes_of_a_file_are_sent_whatever_its_charset_says() {
    let item = Item::of(&message("<p>Hi</p>", &[("a.txt", 100)]), &marks()).unwrap();

    let content = BASE64.encode(&[7; 100]);
    assert_eq!(created(&item)["attachments"][0]["contentBytes"], content);
}

#[test]
fn no_request_is_larger_than_graph_takes() {
    let files = [
        ("a.bin", 2_000_000),
        ("b.bin", 2_000_000),
        ("c.bin", 500_000),
    ];
    let item = Item::of(&message("<p>Hi</p>", &files), &marks()).unwrap();

    assert!(
        item.create.len() <= LARGEST_REQUEST,
        "{}",
        item.create.len()
    );
    assert_eq!(item.later.len(), 1);
    assert_eq!(created(&item)["attachments"].as_array().unwrap().len(), 2);
    assert_eq!(
        property_of(&created(&item), property::FILES).as_deref(),
        Some("3")
    );
}

#[test]
fn a_transcript_that_is_too_long_for_a_message_is_attached_whole() {
    let html = "<p>\"quoted\"</p>\r\n".repeat(250_000);
    let item = Item::of(&message(&html, &[]), &marks()).unwrap();

    assert!(item.create.len() <= LARGEST_REQUEST);
    assert_eq!(item.later[0].name, "conversation.html");
    assert!(item.later[0].bytes.starts_with(html.as_bytes()));
    let created = created(&item);
    assert!(
        created["body"]["content"]
            .as_str()
            .unwrap()
            .contains("conversation.html")
    );
}

#[test]
fn a_request_is_never_larger_than_it_was_taken_for() {
    let html = "\"\\\t\u{1}".repeat(1_000);
    let message = message(&html, &[("ä\u{1}.bin", 5_000)]);
    let mail = mime::read(&message.bytes).unwrap();

    let taken_for = escaped_size(&mail.html) + head_size(&mail) + 5_000_usize.div_ceil(3) * 4 + 310;
    let item = Item::of(&message, &marks()).unwrap();
    assert!(
        item.create.len() <= taken_for,
        "{} > {taken_for}",
        item.create.len()
    );
}
