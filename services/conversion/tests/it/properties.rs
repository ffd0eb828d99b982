//! What holds for every conversation.

use chatkeep_model::{
    Attachment, Body, Content, Conversation, ConversationKey, Event, ItemId, Kind, Participant,
    RecordId, Transcript, UtcTime, What,
};
use proptest::prelude::*;

use crate::{
    builder::{Folder, START, options, try_render},
    mail,
};

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,60}",
        "[a-zA-Z0-9 ]{0,80}",
        "[\\x00-\\x7f]{0,60}",
        "(a|é|😀|ש|\u{202E}|\u{2069}|\r|\n|\0|\u{85}| |:|<|&|http://x.test|<script>|=\\?utf-8\\?q\\?a\\?=){0,30}",
        "[a-z]{1100,1300}",
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,30}",
        "[A-Z][a-z]{1,10} [A-Z][a-z]{1,10}",
        "[\\x00-\\x7f]{0,30}",
        ".{150,160}"
    ]
}

fn any_address() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,10}\\.[a-z]{1,10}@[a-z]{1,10}\\.com",
        1 => "\\+[0-9]{5,12}",
        1 => "[\\x00-\\x7f]{0,20}",
        1 => ".{0,20}@contoso.com",
    ]
}

fn any_what() -> impl Strategy<Value = What> {
    let media_types = prop_oneof![
        6 => Just("text/plain"),
        2 => Just("text/html; charset=utf-8"),
        1 => Just("text/rtf"),
        1 => Just("text/x-msmsgsinvite"),
        1 => Just("image/gif"),
        1 => Just("multipart/alternative; boundary=x"),
        1 => Just("weird/type\r\nX: y"),
    ];
    let body = (media_types, any_text());
    let body = body.prop_map(|(media_type, text)| Body {
        media_type: media_type.to_owned(),
        text,
    });
    let body = body.boxed();
    prop_oneof![
        8 => body.clone().prop_map(What::Said),
        1 => body.prop_map(What::SaidInBackchat),
        1 => Just(What::Joined),
        1 => Just(What::Left),
        1 => any_text().prop_map(What::FileUploaded),
        1 => (any_name(), any_text()).prop_map(|(name, content)| What::Other { name, content }),
    ]
}

fn any_content() -> impl Strategy<Value = Content> {
    let at = -4_000_000_000_000_000_000_i64..4_000_000_000_000_000_000;
    let at = prop_oneof![at, START * 1_000_000_000..(START + 100) * 1_000_000_000];
    let event = (at, prop::option::of(0_u32..5), any_what()).prop_map(|(at, sender, what)| Event {
        at: UtcTime::from_nanos(at),
        sender,
        what,
    });
    let transcript = (prop::option::of(any_text()), prop::option::of(any_text()));
    prop_oneof![
        4 => prop::collection::vec(event, 0..12).prop_map(Content::Events),
        1 => transcript.prop_map(|(text, html)| Content::Transcript(Transcript { text, html })),
    ]
}

prop_compose! {
    fn any_participant()(
        address in any_address(), name in prop::option::of(any_name()), email in prop::option::of(any_address())
    ) -> Participant {
        Participant { address, name, email }
    }
}

prop_compose! {
    fn any_conversation()(
        kind in prop_oneof![Just(Kind::PeerToPeer), Just(Kind::Conference), Just(Kind::Room)],
        key in any_text(),
        subject in prop::option::of(any_text()),
        participants in prop::collection::vec(any_participant(), 0..5),
        content in any_content(),
        files in prop::collection::vec((any_name(), any_text(), any_text()), 0..3),
        records in prop::collection::vec(any::<[u8; 32]>(), 0..3),
        supersedes in prop::option::of(any::<[u8; 32]>()),
    ) -> (Conversation, Folder) {
        let key = ConversationKey::conference(&key);
        let records: Vec<_> = records.into_iter().map(RecordId::from_bytes).collect();
        let mut folder = Folder::default();
        let attachments = files.into_iter().map(|(name, media_type, bytes)| Attachment {
            media_type,
            ..folder.add(&name, bytes.into_bytes())
        });
        let attachments = attachments.collect();
        let conversation = Conversation {
            id: ItemId::of("c", &key, &records),
            kind,
            thread: key.thread(),
            key,
            subject,
            participants,
            start: UtcTime::from_seconds(START),
            end: UtcTime::from_nanos(START * 1_000_000_000 + 1),
            content,
            attachments,
            records,
            supersedes: supersedes.map(ItemId::from_bytes),
        };
        (conversation, folder)
    }
}

/// What plain-text messages of the conversation say, letters only.
fn typed(conversation: &Conversation) -> Vec<String> {
    let Content::Events(events) = &conversation.content else {
        return Vec::new();
    };
    let typed = events.iter().filter_map(|event| match &event.what {
        What::Said(body) | What::SaidInBackchat(body) if body.media_type == "text/plain" => {
            let no_c1 = |c: &char| !('\u{80}'..='\u{9F}').contains(c);
            Some(mail::letters(
                &body.text.chars().filter(no_c1).collect::<String>(),
            ))
        }
        _ => None,
    });
    typed.collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_conversation_becomes_a_message_that_says_the_same((conversation, folder) in any_conversation()) {
        let mut options = options();
        options.json_record = true;

        let messages = try_render(&conversation, &options, &folder).unwrap();

        prop_assert_eq!(&messages, &try_render(&conversation, &options, &folder).unwrap());
        let message = mail::parse(&messages[0]);
        prop_assert_eq!(message.date().unwrap().to_timestamp(), START);
        let id = conversation.id.message_id(1, &options.domain);
        prop_assert_eq!(message.message_id().unwrap(), id.trim_matches(['<', '>']));
        let (text, html) = (mail::text(&message), mail::html(&message));
        let (shown, html) = (mail::letters(&text), mail::letters(&mail::text_of_html(&html)));
        for typed in typed(&conversation) {
            // "U0085" and its like are how a control is shown.
            if !text.contains("[U+") {
                prop_assert!(shown.contains(&typed), "{} in {}", typed, shown);
                prop_assert!(html.contains(&typed), "{} in {}", typed, html);
            }
        }
        let attached = mail::attachments(&message);
        prop_assert!(attached.len() > conversation.attachments.len());
        let record = attached.iter().find(|(name, _)| name == "conversation.json").unwrap();
        let record: Conversation = serde_json::from_slice(&record.1).unwrap();
        prop_assert_eq!(record, conversation);
    }

    #[test]
    fn addresses_and_names_come_back((conversation, folder) in any_conversation()) {
        let messages = try_render(&conversation, &options(), &folder).unwrap();
        let message = mail::parse(&messages[0]);

        let from = message.from().unwrap().clone().into_list();
        prop_assert_eq!(from.len(), 1);
        let to = message.to().unwrap().clone().into_list();
        let is_plain = |address: &str| {
            let (local, domain) = address.split_once('@').unwrap_or_default();
            let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
            local.split('.').all(is_word) && domain.split('.').all(is_word)
        };
        let parsed: Vec<_> = from.iter().chain(to.iter()).collect();
        for (participant, parsed) in conversation.participants.iter().zip(parsed) {
            let mail = participant.email.as_deref().filter(|mail| is_plain(mail));
            let expected = mail.or(Some(&participant.address)).filter(|address| is_plain(address));
            let address = parsed.address().unwrap();
            if let Some(expected) = expected.filter(|_| participant.email.is_none() || mail.is_some()) {
                prop_assert_eq!(address, expected);
            }
            prop_assert!(address.is_ascii() && address.matches('@').count() == 1);
        }
    }

    #[test]
    fn subjects_come_back(subject in "[^\\p{C}]{1,120}") {
        let mut conversation = crate::builder::conversation();
        conversation.kind = Kind::Room;
        conversation.subject = Some(subject.clone());

        let message = crate::builder::render(&conversation);

        let message = mail::parse(message.as_bytes());
        if !words(&subject).is_empty() {
            prop_assert_eq!(words(message.subject().unwrap()), format!("Persistent chat room {}", words(&subject)));
        }
    }
}
