//! Builders of files, modelled after the published formats.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub(crate) const P2P: &[u8] = include_bytes!("../fixtures/p2p.eml");
pub(crate) const CONFERENCE: &[u8] = include_bytes!("../fixtures/conference.eml");
pub(crate) const ROOM: &[u8] = include_bytes!("../fixtures/room.xml");

/// How a part is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Base64,
    QuotedPrintable,
    EightBit,
}

/// An exported conversation.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) date: String,
    pub(crate) html: String,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) carried: Carried,
    pub(crate) line_break: &'static str,
    pub(crate) is_to_first: bool,
}

pub(crate) fn mail() -> Mail {
    Mail {
        from: "ann@contoso.com".to_owned(),
        to: vec!["bob@contoso.com".to_owned()],
        subject: "Conversation between ann@contoso.com and bob@contoso.com".to_owned(),
        date: "Fri, 14 Oct 2016 14:22:49 +0000".to_owned(),
        html: "<div>one</div>\n<div>two</div>".to_owned(),
        files: Vec::new(),
        carried: Carried::Base64,
        line_break: "\r\n",
        is_to_first: false,
    }
}

impl Mail {
    pub(crate) fn html(mut self, html: &str) -> Self {
        html.clone_into(&mut self.html);
        self
    }

    pub(crate) fn date(mut self, date: &str) -> Self {
        date.clone_into(&mut self.date);
        self
    }

    pub(crate) fn between(mut self, from: &str, to: &str) -> Self {
        from.clone_into(&mut self.from);
        self.to = vec![to.to_owned()];
        self.subject = format!("Conversation between {from} and {to}");
        self
    }

    pub(crate) fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), bytes.into()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        let to: Vec<_> = self.to.iter().map(|to| format!("To: {to}\n")).collect();
        let to = to.concat();
        let from = format!("From: {}\n", self.from);
        let (first, second) = if self.is_to_first {
            (&to, &from)
        } else {
            (&from, &to)
        };
        write!(
            text,
            "{first}{second}Subject: {}\nDate: {}\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=\"MIME_Boundary\"\n\n",
            self.subject, self.date
        )
        .unwrap();
        let (encoding, body) = self.carry();
        write!(
            text,
            "--MIME_Boundary\nContent-Type: text/html; charset=utf-8\n\
             Content-Transfer-Encoding: {encoding}\n\n{body}\n"
        )
        .unwrap();
        for (name, bytes) in &self.files {
            write!(
                text,
                "--MIME_Boundary\nContent-Type: application/octet-stream\n\
                 Content-Disposition: attachment; filename=\"{name}\"\n\
                 Content-Transfer-Encoding: base64\n\n{}\n",
                wrapped(bytes)
            )
            .unwrap();
        }
        text.push_str("--MIME_Boundary--\n");
        text.replace('\n', self.line_break).into_bytes()
    }

    fn carry(&self) -> (&'static str, String) {
        match self.carried {
            Carried::Base64 => ("base64", wrapped(self.html.as_bytes())),
            Carried::EightBit => ("8bit", self.html.clone()),
            Carried::QuotedPrintable => ("quoted-printable", quoted(&self.html)),
        }
    }
}

fn wrapped(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(76);
    let lines: Vec<_> = lines
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    let mut column = 0;
    for byte in text.bytes() {
        if byte == b'\n' {
            quoted.push('\n');
            column = 0;
            continue;
        }
        if column > 70 {
            quoted.push_str("=\n");
            column = 0;
        }
        if byte.is_ascii_graphic() && byte != b'=' {
            quoted.push(byte.into());
            column += 1;
        } else {
            write!(quoted, "={byte:02X}").unwrap();
            column += 3;
        }
    }
    quoted
}

/// An event of a room.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) room: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) who: &'static str,
    pub(crate) id: i64,
    /// Unix seconds.
    pub(crate) at: i64,
    pub(crate) content: String,
}

pub(crate) fn event(room: &'static str, kind: &'static str, who: &'static str, at: i64) -> Said {
    Said {
        room,
        kind,
        who,
        id: 0,
        at,
        content: String::new(),
    }
}

impl Said {
    pub(crate) fn saying(mut self, id: i64, content: &str) -> Self {
        self.id = id;
        content.clone_into(&mut self.content);
        self
    }

    fn xml(&self) -> String {
        let ticks = self.at * 10_000_000 + 621_355_968_000_000_000;
        let content = self
            .content
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;");
        format!(
            "<Message type=\"{}\" content=\"{content}\" id=\"{}\">\
             <Sender UserName=\"{}\" id=\"1\" email=\"\" uri=\"{}@contoso.com\"/>\
             <DateTimeUTC long=\"{ticks}\"/></Message>",
            self.kind, self.id, self.who, self.who
        )
    }
}

/// A compliance file with these events.
pub(crate) fn compliance<'a>(events: impl IntoIterator<Item = &'a Said>) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Conversations>".to_owned();
    for event in events {
        write!(
            xml,
            "<Conversation><Channel uri=\"ma-chan://contoso.com/{0}\" name=\"{0}\"/>\
             <Messages>{1}</Messages></Conversation>",
            event.room,
            event.xml()
        )
        .unwrap();
    }
    xml.push_str("</Conversations>");
    xml
}
