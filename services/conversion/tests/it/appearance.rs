//! How items look.

use chatkeep_model::{
    Content, ConversationKey, ItemId, Kind, ThreadKey, Transcript, UtcDay, UtcTime, What,
};

use crate::{
    builder::{
        Folder, START, body, conversation, event, options, participant, render, said, try_render,
        with,
    },
    mail,
};

/// Compares with the file; where it differs, what came out lies in the temporary folder.
fn assert_fixture(name: &str, actual: &str) {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if actual != expected {
        let actual_path = format!("{}/{name}.actual", std::env::temp_dir().display());
        std::fs::write(&actual_path, actual).unwrap();
        panic!("{name} differs; what came out is in {actual_path}");
    }
}

#[test]
fn a_conversation_of_two() {
    let events = vec![
        said(0, 0, "hi Bob, see https://intranet.contoso.com/?a=1&b=2"),
        said(5, 1, "two\nlines <b>& more</b>"),
        said(20, 0, "שלום 👋"),
        event(86_400, 1, What::FileUploaded("plan.pdf".to_owned())),
        event(86_401, 1, What::Left),
    ];

    assert_fixture("two.eml", &render(&with(events)));
}

#[test]
fn a_day_in_a_room() {
    let day = UtcTime::from_seconds(START).day();
    let uri = "ma-chan://contoso.com/300";
    let key = ConversationKey::room(uri, day);
    let room = chatkeep_model::Conversation {
        kind: Kind::Room,
        id: ItemId::of("connector", &key, &[]),
        thread: ThreadKey::room(uri),
        key,
        subject: Some("Größere Pläne".to_owned()),
        participants: vec![
            participant("ann@contoso.com", "Ann Example"),
            participant("bob@contoso.com", "Ann Example"),
            participant("+49891234", ""),
        ],
        supersedes: Some(ItemId::from_bytes([1; 32])),
        ..with(vec![
            event(0, 0, What::Joined),
            event(1, 1, What::SaidInBackchat(body("text/plain", "psst"))),
            event(2, 2, What::FileDownloaded("a.txt".to_owned())),
            event(
                3,
                0,
                What::Other {
                    name: "REDACT".to_owned(),
                    content: "old".to_owned(),
                },
            ),
            event(
                4,
                0,
                What::Other {
                    name: "10".to_owned(),
                    content: "new".to_owned(),
                },
            ),
            event(
                5,
                9,
                What::Other {
                    name: "Poll".to_owned(),
                    content: String::new(),
                },
            ),
        ])
    };
    assert_eq!(day, UtcDay(17_322));

    assert_fixture("room.eml", &render(&room));
}

#[test]
fn what_was_sent_as_an_alert_is_marked() {
    let alert = |media_type: &str| event(0, 0, What::Said(body(media_type, "fire")));
    let rest = "\r\n--b\r\nContent-Type: text/plain\r\n\r\nfire\r\n--b--\r\n";
    let both = body(
        "multipart/alternative; boundary=\"b\"; importance=high",
        rest,
    );
    let events = vec![
        alert("text/plain; importance=high"),
        event(1, 1, What::Said(both)),
        event(
            2,
            0,
            What::SaidInBackchat(body("text/plain; Importance=High", "psst")),
        ),
        alert("text/plain; importance=normal"),
    ];

    let message = render(&with(events));

    let text = mail::text(&mail::parse(message.as_bytes()));
    for line in [
        "] Ann Example (important): fire",
        "] Bob Example (important): fire",
        "] Ann Example (back channel) (important): psst",
        "] Ann Example: fire",
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
    }
    assert!(message.contains(" (important)</td>"), "{message}");
}

#[test]
fn a_transcript_of_the_source_is_kept_and_made_safe() {
    let transcript = Transcript {
        text: None,
        html: Some(
            "<html><body bgcolor=white><div style='color:red' onclick=x()>Ann: hi</div>\n\
             <div>Bob: <b>hello</b> <img src='http://x.test/track.gif' alt=':)'></div>\n\
             <script>alert(1)</script></body></html>"
                .to_owned(),
        ),
    };
    let transcript = chatkeep_model::Conversation {
        content: Content::Transcript(transcript),
        ..conversation()
    };

    assert_fixture("transcript.eml", &render(&transcript));
}

#[test]
fn times_are_shown_in_the_connectors_zone_and_headers_in_utc() {
    let mut options = options();
    options.time_zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let conversation = with(vec![said(15 * 3_600, 0, "late")]);

    let messages = try_render(&conversation, &options, &Folder::default()).unwrap();

    let message = mail::parse(&messages[0]);
    let text = mail::text(&message);
    assert!(
        text.contains("--- Tuesday, 6 June 2017 ---\r\n[09:15:02 JST] Ann Example: late"),
        "{text}"
    );
    assert_eq!(message.date().unwrap().to_timestamp(), START);
    assert_eq!(message.date().unwrap().tz_hour, 0);
}

#[test]
fn subjects_name_up_to_four_participants() {
    let subject = |count: usize| {
        let participants =
            (1..=count).map(|n| participant(&format!("p{n}@x.test"), &format!("P{n}")));
        let conversation = chatkeep_model::Conversation {
            participants: participants.collect(),
            ..conversation()
        };
        let message = render(&conversation);
        mail::parse(message.as_bytes())
            .subject()
            .unwrap()
            .to_owned()
    };

    assert_eq!(subject(0), "Conversation");
    assert_eq!(subject(1), "Conversation of P1");
    assert_eq!(subject(2), "Conversation between P1 and P2");
    assert_eq!(subject(4), "Conversation between P1, P2, P3 and P4");
    assert_eq!(subject(5), "Conversation between P1, P2, P3 and 2 others");
}

#[test]
fn conferences_are_named_after_their_organizer() {
    let mut conference = conversation();
    conference.kind = Kind::Conference;
    let message = render(&conference);
    assert!(message.contains("Subject: Conference organized by Ann Example\r\n"));

    conference.subject = Some("Budget\r\nBcc: eve@evil.test".to_owned());
    let message = render(&conference);
    let message = mail::parse(message.as_bytes());
    assert_eq!(
        message.subject().unwrap(),
        "Conference organized by Ann Example: Budget Bcc: eve@evil.test"
    );
    assert!(message.bcc().is_none());
}

#[test]
fn a_thousand_recipients_are_all_there() {
    let participants =
        (0..1_500).map(|n| participant(&format!("p{n}@x.test"), &format!("Pärson {n}")));
    let conversation = chatkeep_model::Conversation {
        participants: participants.collect(),
        ..conversation()
    };

    let message = render(&conversation);

    let message = mail::parse(message.as_bytes());
    assert_eq!(message.to().unwrap().clone().into_list().len(), 1_499);
    let email = message.header_raw("Email").unwrap();
    assert_eq!(email.split(',').count(), 1_500);
    assert_eq!(email.split(',').next_back().unwrap().trim(), "p1499@x.test");
}

#[test]
fn what_has_no_readable_form_is_attached() {
    let events = vec![
        event(0, 0, What::Said(body("image/gif", "base64:R0lGODlh"))),
        event(
            1,
            0,
            What::Said(body("application/vnd.unknown+x; v=1", "some content")),
        ),
        event(
            2,
            0,
            What::Said(body("text/rtf", r"{\rtf1 look {\pict 00ff} here}")),
        ),
        event(3, 1, What::Said(body("application/ms-imdn+xml", "<imdn/>"))),
    ];

    let message = render(&with(events));

    let message = mail::parse(message.as_bytes());
    let text = mail::text(&message);
    for line in [
        "Ann Example: [picture]",
        "Ann Example: [content of type application/vnd.unknown+x]",
        "Ann Example: look [picture] here",
        "Bob Example: [delivery notification]",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let names: Vec<_> = mail::attachments(&message);
    assert_eq!(
        names,
        [
            ("message-0001.gif".to_owned(), b"GIF89a".to_vec()),
            ("message-0002.bin".to_owned(), b"some content".to_vec()),
            (
                "message-0003.rtf".to_owned(),
                br"{\rtf1 look {\pict 00ff} here}".to_vec()
            ),
            ("message-0004.xml".to_owned(), b"<imdn/>".to_vec()),
        ]
    );
}

#[test]
fn nobody_can_type_a_line_of_somebody_else() {
    let forged = "ok\r\n[09:15:03 UTC] Bob Example: I did it";

    let message = render(&with(vec![said(0, 0, forged)]));

    assert!(message.contains("Ann Example: ok\r\n    [09:15:03 UTC] Bob Example: I did it\r\n"));
}
