//! Items that are too large for one message.

use std::collections::BTreeMap;

use chatkeep_conversion::{RenderError, Unrenderable};
use chatkeep_model::{Content, Conversation, Event, Transcript, What};
use proptest::prelude::*;

use crate::{
    builder::{Folder, body, conversation, event, options, participant, said, try_render, with},
    mail,
};

const SMALLEST: u64 = 65_536;

fn split(conversation: &Conversation, folder: &Folder, max: u64) -> Vec<Vec<u8>> {
    let mut options = options();
    options.max_part_bytes = max;
    let messages = try_render(conversation, &options, folder).unwrap();
    assert_eq!(
        messages,
        try_render(conversation, &options, folder).unwrap()
    );
    messages
}

fn numbered(count: usize) -> String {
    let words: Vec<_> = (0..count).map(|n| format!("w{n:06}")).collect();
    words.join(" ")
}

/// The numbered words of all parts, in order.
fn found(messages: &[Vec<u8>], of: fn(&mail_parser::Message<'_>) -> String) -> Vec<String> {
    let words = messages.iter().flat_map(|bytes| {
        let text = of(&mail::parse(bytes));
        let words = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_owned);
        words
            .filter(|word| word.len() == 7 && word.starts_with('w'))
            .collect::<Vec<_>>()
    });
    words.collect()
}

fn html_text(message: &mail_parser::Message<'_>) -> String {
    mail::text_of_html(&mail::html(message))
}

#[test]
fn events_are_split_at_their_borders() {
    let events: Vec<_> = (0..3_000)
        .map(|n| said(n, 0, &format!("w{n:06}")))
        .collect();

    let messages = split(&with(events), &Folder::default(), SMALLEST);

    assert!(messages.len() > 3);
    let expected: Vec<_> = (0..3_000).map(|n| format!("w{n:06}")).collect();
    assert_eq!(found(&messages, mail::text), expected);
    assert_eq!(found(&messages, html_text), expected);
    for (index, bytes) in messages.iter().enumerate() {
        let message = mail::parse(bytes);
        let (n, m) = (index + 1, messages.len());
        assert!(message.message_id().unwrap().contains(&format!(".{n}@")));
        assert_eq!(
            message.header_raw("X-Chatkeep-Part").unwrap().trim(),
            format!("{n}/{m}")
        );
        assert!(message.subject().unwrap().ends_with(&format!("({n}/{m})")));
        assert!(mail::text(&message).contains("--- Monday, 5 June 2017 ---"));
    }
}

#[test]
fn a_giant_message_is_split_within() {
    for (media_type, text) in [
        ("text/plain", numbered(60_000)),
        ("text/plain", numbered(60_000).replace(' ', "\n")),
        (
            "text/html",
            format!(
                "<div><b>{}</b></div>",
                numbered(60_000).replace(" w0000", "<br><i>x</i> w0000")
            ),
        ),
        ("text/rtf", format!("{{\\rtf1\\b {}}}", numbered(60_000))),
    ] {
        let conversation = with(vec![
            said(0, 1, "before"),
            event(1, 0, What::Said(body(media_type, &text))),
            said(2, 1, "after"),
        ]);

        let messages = split(&conversation, &Folder::default(), 100_000);

        let expected: Vec<_> = (0..60_000).map(|n| format!("w{n:06}")).collect();
        assert_eq!(found(&messages, mail::text), expected, "{media_type}");
        assert_eq!(found(&messages, html_text), expected, "{media_type}");
    }
}

#[test]
fn a_giant_transcript_is_split_within() {
    let transcript = |text: Option<String>, html: Option<String>| Conversation {
        content: Content::Transcript(Transcript { text, html }),
        ..conversation()
    };
    let html = || Some(numbered(40_000).replace(" w", "</p>\n<p>w"));
    let expected: Vec<_> = (0..40_000).map(|n| format!("w{n:06}")).collect();
    for conversation in [
        transcript(Some(numbered(40_000)), None),
        transcript(None, html()),
        transcript(Some(numbered(40_000)), html()),
    ] {
        let messages = split(&conversation, &Folder::default(), SMALLEST);

        assert_eq!(found(&messages, mail::text), expected);
        assert_eq!(found(&messages, html_text), expected);
    }
}

#[test]
fn words_without_any_border_are_split_between_characters() {
    let conversation = with(vec![said(0, 0, &"😀".repeat(50_000))]);

    let messages = split(&conversation, &Folder::default(), SMALLEST);

    let count = |of: fn(&mail_parser::Message<'_>) -> String| -> usize {
        messages
            .iter()
            .map(|bytes| of(&mail::parse(bytes)).matches('😀').count())
            .sum()
    };
    assert_eq!(count(mail::text), 50_000);
    assert_eq!(count(html_text), 50_000);
}

#[test]
fn html_that_cannot_be_cut_is_attached() {
    let picture = format!("data:image/png;base64,{}", "A".repeat(200_000));
    let html = format!("<p>look <img src=\"{picture}\"> here</p>");
    let conversation = with(vec![event(0, 0, What::Said(body("text/html", &html)))]);

    let messages = split(&conversation, &Folder::default(), SMALLEST);

    assert!(mail::text(&mail::parse(&messages[0])).contains("look here"));
    let files = joined(&messages);
    assert!(String::from_utf8_lossy(&files["message-0001.html"]).contains(&picture));
}

#[test]
fn headers_that_do_not_fit_are_refused() {
    let participants = (0..5_000).map(|n| participant(&format!("p{n}@x.test"), ""));
    let conversation = Conversation {
        participants: participants.collect(),
        ..with(vec![said(0, 0, "hi")])
    };
    let mut options = options();
    options.max_part_bytes = SMALLEST;

    let error = try_render(&conversation, &options, &Folder::default()).unwrap_err();

    assert!(matches!(
        error,
        RenderError::Unrenderable(Unrenderable::HeadersTooLarge)
    ));
}

#[test]
fn a_file_that_is_cut_says_how_to_join_it() {
    let mut folder = Folder::default();
    let attachments = vec![folder.add("video.mp4", vec![7; 150_000])];
    let conversation = Conversation {
        attachments,
        ..with(vec![said(0, 0, "hi")])
    };

    let messages = split(&conversation, &folder, SMALLEST);

    let text = mail::text(&mail::parse(&messages[1]));
    let count = messages.len() - 1;
    assert!(
        text.contains("The file video.mp4 (150000 bytes) is too large for one message."),
        "{text}"
    );
    assert!(
        text.contains(&format!("video.mp4.{count:03}-of-{count:03}")),
        "{text}"
    );
}

/// The files of all parts, cut ones joined as the note says: in the order of their names.
fn joined(messages: &[Vec<u8>]) -> BTreeMap<String, Vec<u8>> {
    let mut pieces = BTreeMap::new();
    for bytes in messages {
        pieces.extend(mail::attachments(&mail::parse(bytes)));
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, bytes) in pieces {
        let whole = match name.rsplit_once('.') {
            Some((whole, piece)) if piece.contains("-of-") => whole.to_owned(),
            _ => name,
        };
        files.entry(whole).or_default().extend(bytes);
    }
    files
}

fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let length = prop_oneof![8 => 0_usize..40, 1 => 5_000_usize..20_000];
    prop::collection::vec(length, 0..40).prop_map(|lengths| {
        let mut next = 0;
        let mut event = |length: usize| {
            let words: Vec<_> = (next..next + length).map(|n| format!("w{n:06}")).collect();
            next += length;
            said(i64::try_from(next).unwrap() * 60, 0, &words.join(" "))
        };
        lengths.into_iter().map(&mut event).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_word_and_no_byte_is_lost(
        events in any_events(),
        sizes in prop::collection::vec(0_usize..200_000, 0..4),
        max in SMALLEST..400_000,
    ) {
        let mut folder = Folder::default();
        let mut expected = BTreeMap::new();
        let files = sizes.iter().enumerate().map(|(index, size)| {
            let bytes: Vec<u8> = (0..*size).map(|at| u8::try_from((at * 31 + index) % 251).unwrap()).collect();
            expected.insert(format!("file{index}.dat"), bytes.clone());
            folder.add(&format!("file{index}.dat"), bytes)
        });
        let attachments = files.collect();
        let conversation = Conversation { attachments, ..with(events) };
        let Content::Events(events) = &conversation.content else { unreachable!() };
        let words: usize = events.iter().map(|event| match &event.what {
            What::Said(body) => body.text.split(' ').filter(|word| !word.is_empty()).count(),
            _ => 0,
        }).sum();

        let messages = split(&conversation, &folder, max);

        let expected_words: Vec<_> = (0..words).map(|n| format!("w{n:06}")).collect();
        prop_assert_eq!(&found(&messages, mail::text), &expected_words);
        prop_assert_eq!(found(&messages, html_text), expected_words);
        prop_assert_eq!(joined(&messages), expected);
    }
}
