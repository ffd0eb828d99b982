use std::io::BufRead;

use chatkeep_model::Attachment;

use super::{
    Damage, Files, Limits, ReadError,
    header::Headers,
    lines::{Line, Lines},
    part::{Finished, Part, TextKind},
    transfer::CutOff,
};

const DEEPEST: usize = 32;
const MOST_PARTS: usize = 10_000;

/// What the parts of a message came to.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    held: usize,
}

/// Reads the body of a message, part by part.
///
/// A message with parts is whole when its outermost closing boundary was seen; an inner multipart may
/// be ended by an outer boundary. A message without parts has no mark of its end: it is whole when its
/// last line is, and its base64 too.
pub(super) fn walk<R: BufRead, F: Files>(
    lines: &mut Lines<R>,
    headers: &Headers,
    limits: Limits,
    files: &mut F,
) -> Result<Result<Body, Damage>, ReadError> {
    let mut walk = Walk {
        files,
        limits,
        body: Body::default(),
        boundaries: Vec::new(),
        part: None,
        parts: 0,
    };
    match walk.read(lines, headers) {
        Ok(()) => Ok(Ok(walk.body)),
        Err(Stop::Damage(damage)) => Ok(Err(damage)),
        Err(Stop::Error(error)) => Err(error),
    }
}

struct Walk<'a, F: Files> {
    files: &'a mut F,
    limits: Limits,
    body: Body,
    /// Of the multiparts that are open, the outermost first.
    boundaries: Vec<Vec<u8>>,
    part: Option<Part<F>>,
    parts: usize,
}

enum Stop {
    Damage(Damage),
    Error(ReadError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Error(error)
    }
}

/// A line that is a boundary of an open multipart.
struct Hit {
    depth: usize,
    closes: bool,
}

impl<F: Files> Walk<'_, F> {
    fn read<R: BufRead>(&mut self, lines: &mut Lines<R>, headers: &Headers) -> Result<(), Stop> {
        self.begin(headers)?;
        let is_multipart = !self.boundaries.is_empty();
        let mut is_empty = true;
        while let Some(line) = lines.next().map_err(read_error)? {
            is_empty = false;
            let Some(hit) = self.hit(&line) else {
                self.line(line)?;
                continue;
            };
            self.finish_part(false)?;
            self.boundaries.truncate(hit.depth + 1);
            if hit.closes {
                self.boundaries.pop();
                if self.boundaries.is_empty() {
                    return self.end_of_parts();
                }
            } else {
                let headers = Headers::read(lines).map_err(read_error)?;
                self.begin(&headers.map_err(in_part)?)?;
            }
        }
        if is_multipart {
            return Err(Stop::Damage(Damage::NoClosingBoundary));
        }
        if is_empty {
            return Err(Stop::Damage(Damage::HeaderOnly));
        }
        self.finish_part(true)
    }

    fn begin(&mut self, headers: &Headers) -> Result<(), Stop> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(Stop::Damage(Damage::TooManyParts));
        }
        let content = headers.parameters("content-type");
        let multipart = content.filter(|field| field.ctype().eq_ignore_ascii_case("multipart"));
        let Some(multipart) = multipart else {
            self.part = Some(Part::begin(headers, self.files)?);
            return Ok(());
        };
        let boundary = multipart.attribute("boundary").map(str::trim_end);
        let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
            return Err(Stop::Damage(Damage::NoBoundary));
        };
        if self.boundaries.len() >= DEEPEST {
            return Err(Stop::Damage(Damage::TooDeep));
        }
        self.boundaries.push(boundary.as_bytes().to_vec());
        Ok(())
    }

    /// The innermost open multipart whose boundary the line is.
    fn hit(&self, line: &Line<'_>) -> Option<Hit> {
        if !line.is_start || !line.bytes.starts_with(b"--") {
            return None;
        }
        let name = line.bytes[2..].trim_ascii_end();
        let closing = name.strip_suffix(b"--");
        let mut boundaries = self.boundaries.iter().enumerate().rev();
        boundaries.find_map(|(depth, boundary)| {
            let closes = closing == Some(boundary.as_slice());
            (closes || name == boundary.as_slice()).then_some(Hit { depth, closes })
        })
    }

    fn line(&mut self, line: Line<'_>) -> Result<(), Stop> {
        // Without a part it is a preamble or an epilogue.
        if let Some(part) = &mut self.part {
            part.line(line)?;
            if self.body.held + part.held() > self.limits.text {
                part.spill(self.files)?;
            }
        }
        Ok(())
    }

    fn finish_part(&mut self, at_end_of_file: bool) -> Result<(), Stop> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        match part.finish(at_end_of_file, self.files)? {
            Ok(finished) => {
                self.body.add(finished);
                Ok(())
            }
            Err(CutOff::Base64) => Err(Stop::Damage(Damage::Base64CutOff)),
            Err(CutOff::Line) => Err(Stop::Damage(Damage::LineCutOff)),
        }
    }

    fn end_of_parts(&self) -> Result<(), Stop> {
        if self.body.is_nothing() {
            return Err(Stop::Damage(Damage::NoParts));
        }
        Ok(())
    }
}

fn read_error(source: std::io::Error) -> Stop {
    Stop::Error(ReadError::Read { source })
}

/// A part's header that breaks off: so does the message.
fn in_part(damage: Damage) -> Stop {
    Stop::Damage(match damage {
        Damage::Empty | Damage::HeaderOnly => Damage::NoClosingBoundary,
        other => other,
    })
}

impl Body {
    fn add(&mut self, finished: Finished) {
        match finished {
            Finished::Text(kind, text) => {
                self.held += text.len();
                let held = match kind {
                    TextKind::Plain => &mut self.text,
                    TextKind::Html => &mut self.html,
                };
                // Several texts of one kind are one transcript.
                match held {
                    Some(held) => {
                        held.push('\n');
                        held.push_str(&text);
                    }
                    None => *held = Some(text),
                }
            }
            Finished::Attachment(mut attachment) => {
                if attachment.name.is_empty() {
                    attachment.name = format!("attachment-{}", self.attachments.len() + 1);
                }
                self.attachments.push(attachment);
            }
        }
    }

    fn is_nothing(&self) -> bool {
        self.text.is_none() && self.html.is_none() && self.attachments.is_empty()
    }
}
