//! What rendering costs: CPU time of one core per conversation, with mail-builder 2 as the yardstick.
//!
//! `cargo bench -p chatkeep-conversion`. The corpus is deterministic; every message is checked before
//! its rate is printed.
#![expect(clippy::print_stdout, reason = "prints its table")]
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

mod corpus;
mod row;

use std::{
    hint::black_box,
    io::{self, Read},
};

use chatkeep_conversion::{Files, RenderOptions, Renderer, Sanitizer};
use chatkeep_model::{Attachment, Body, Content, Conversation, What};
use jiff::tz::TimeZone;

use crate::{
    corpus::{conversation, html, plain, rtf, transcript},
    row::{Row, measure},
};

struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &Attachment) -> io::Result<Box<dyn Read + '_>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// MessagePack frames, rendered and hashed: all that conversion does for one conversation.
fn ours<'a>(
    conversations: &[Conversation],
    options: &'a RenderOptions,
    sanitizer: &'a Sanitizer,
) -> impl Fn(usize) -> usize + use<'a> {
    let frames: Vec<_> = conversations
        .iter()
        .map(|c| rmp_serde::to_vec_named(c).unwrap())
        .collect();
    let renderer = Renderer::new(options, sanitizer);
    let check: Conversation = rmp_serde::from_slice(&frames[0]).unwrap();
    assert_eq!(check, conversations[0]);
    let mut message = Vec::new();
    renderer.render(&check, &NoFiles, &mut message).unwrap();
    let parsed = mail_parser::MessageParser::default()
        .parse(&message)
        .unwrap();
    assert!(parsed.body_text(0).unwrap().len() > 100 && parsed.html_body_count() == 1);
    let sink = std::cell::RefCell::new(Vec::with_capacity(1 << 20));
    move |index| {
        let frame = &frames[index % frames.len()];
        let conversation: Conversation = rmp_serde::from_slice(frame).unwrap();
        let mut sink = sink.borrow_mut();
        sink.clear();
        let parts = renderer
            .render(&conversation, &NoFiles, &mut *sink)
            .unwrap();
        black_box(&parts);
        sink.len()
    }
}

/// mail-builder 2 with bodies as plain as they can be; from the parsed conversation, not hashed.
fn mail_builder(conversations: &[Conversation]) -> impl Fn(usize) -> usize {
    move |index| {
        let conversation = &conversations[index % conversations.len()];
        let Content::Events(events) = &conversation.content else {
            return 0;
        };
        let (mut text, mut html) = (String::with_capacity(8_192), String::with_capacity(8_192));
        html.push_str("<html><body><table>\n");
        for event in events {
            let What::Said(body) = &event.what else {
                continue;
            };
            let sender = &conversation.participants[event.sender.unwrap() as usize].address;
            let second = event.at.seconds();
            let time = format!(
                "{:02}:{:02}:{:02}",
                second / 3_600 % 24,
                second / 60 % 60,
                second % 60
            );
            for piece in ["[", &time, "] ", sender, ": ", &body.text, "\n"] {
                text.push_str(piece);
            }
            for piece in ["<tr><td>", &time, "</td><td><b>", sender, "</b></td><td>"] {
                html.push_str(piece);
            }
            for letter in body.text.chars() {
                match letter {
                    '&' => html.push_str("&amp;"),
                    '<' => html.push_str("&lt;"),
                    '>' => html.push_str("&gt;"),
                    other => html.push(other),
                }
            }
            html.push_str("</td></tr>\n");
        }
        html.push_str("</table></body></html>\n");
        let [from, to] = [0, 1].map(|index| &conversation.participants[index]);
        let message = mail_builder::MessageBuilder::new()
            .date(conversation.start.seconds())
            .from((from.name.as_deref().unwrap(), from.address.as_str()))
            .to((to.name.as_deref().unwrap(), to.address.as_str()))
            .subject("Conversation")
            .message_id(conversation.id.base32())
            .text_body(text)
            .html_body(html)
            .write_to_vec()
            .unwrap();
        black_box(&message).len()
    }
}

fn ammonia_alone(conversations: &[Conversation], sanitizer: &Sanitizer) -> impl Fn(usize) -> usize {
    move |index| {
        let clean = |html: &str| chatkeep_conversion::fuzz::sanitize(html, sanitizer);
        match &conversations[index % conversations.len()].content {
            Content::Transcript(transcript) => clean(transcript.html.as_deref().unwrap()),
            Content::Events(events) => events
                .iter()
                .map(|event| match &event.what {
                    What::Said(body) => clean(&body.text),
                    _ => 0,
                })
                .sum(),
        }
    }
}

fn rtf_alone(conversations: &[Conversation]) -> impl Fn(usize) -> usize {
    move |index| {
        let Content::Events(events) = &conversations[index % conversations.len()].content else {
            return 0;
        };
        for event in events {
            if let What::Said(body) = &event.what {
                chatkeep_conversion::fuzz::rtf(body.text.as_bytes());
            }
        }
        0
    }
}

fn main() {
    let options = RenderOptions {
        connector: "bench".to_owned(),
        domain: "archive.corp.example".to_owned(),
        time_zone: TimeZone::UTC,
        json_record: false,
        max_part_bytes: 25_000_000,
    };
    let sanitizer = Sanitizer::new();
    let corpus = |lines: usize, body: &dyn Fn(String) -> Body| -> Vec<_> {
        (0..200)
            .map(|seed| conversation(seed, lines, body))
            .collect()
    };
    let (ten, many) = (corpus(10, &plain), corpus(41, &plain));
    let (html, rtf) = (corpus(41, &html), corpus(41, &rtf));
    let transcripts: Vec<_> = (0..200).map(transcript).collect();
    let rows = [
        (
            10,
            Row::new(
                "10 plain lines: read, render, hash",
                ours(&ten, &options, &sanitizer),
            ),
        ),
        (
            10,
            Row::new("10 plain lines: mail-builder 2 alone", mail_builder(&ten)),
        ),
        (
            41,
            Row::new(
                "41 plain lines: read, render, hash",
                ours(&many, &options, &sanitizer),
            ),
        ),
        (
            41,
            Row::new("41 plain lines: mail-builder 2 alone", mail_builder(&many)),
        ),
        (
            41,
            Row::new(
                "HTML transcript: read, render, hash",
                ours(&transcripts, &options, &sanitizer),
            ),
        ),
        (
            41,
            Row::new(
                "HTML transcript: sanitizer alone",
                ammonia_alone(&transcripts, &sanitizer),
            ),
        ),
        (
            41,
            Row::new(
                "41 HTML lines: read, render, hash",
                ours(&html, &options, &sanitizer),
            ),
        ),
        (
            41,
            Row::new(
                "41 HTML lines: sanitizer alone",
                ammonia_alone(&html, &sanitizer),
            ),
        ),
        (
            41,
            Row::new(
                "41 RTF lines: read, render, hash",
                ours(&rtf, &options, &sanitizer),
            ),
        ),
        (41, Row::new("41 RTF lines: RTF alone", rtf_alone(&rtf))),
    ];
    measure(rows.into());
}
