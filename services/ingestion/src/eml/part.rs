use std::io::{self, Write};

use chatkeep_model::Attachment;

use super::{
    Files, ReadError, charset,
    header::Headers,
    lines::Line,
    transfer::{CutOff, Decoder},
};

/// Which text of the message a part belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKind {
    Plain,
    Html,
}

/// A part while it is read.
pub(super) struct Part<F: Files> {
    decoder: Decoder,
    target: Target<F>,
    description: Description,
}

enum Target<F: Files> {
    Text(TextKind, Vec<u8>),
    File(F::File),
}

/// What a part's header says.
struct Description {
    name: Option<String>,
    media_type: String,
    charset: Option<String>,
}

/// A part that was read.
pub(super) enum Finished {
    Text(TextKind, String),
    Attachment(Attachment),
}

impl<F: Files> Part<F> {
    /// Begins a part: text that is shown is held, everything else is a file.
    pub(super) fn begin(headers: &Headers, files: &mut F) -> Result<Self, ReadError> {
        let content = headers.parameters("content-type");
        let disposition = headers.parameters("content-disposition");
        let name = disposition
            .as_ref()
            .and_then(|field| field.attribute("filename"))
            .or_else(|| content.as_ref().and_then(|field| field.attribute("name")));
        let is_file = name.is_some()
            || disposition
                .as_ref()
                .is_some_and(|field| field.ctype().eq_ignore_ascii_case("attachment"));
        let description = Description {
            name: name.map(str::to_owned).filter(|name| !name.is_empty()),
            media_type: media_type(content.as_ref()),
            charset: content
                .as_ref()
                .and_then(|field| field.attribute("charset"))
                .map(str::to_owned),
        };
        let target = match text_kind(&description.media_type) {
            Some(kind) if !is_file => Target::Text(kind, Vec::new()),
            _ => Target::File(files.create().map_err(store)?),
        };
        Ok(Self {
            decoder: Decoder::new(headers.get("content-transfer-encoding").unwrap_or_default()),
            target,
            description,
        })
    }

    /// Bytes of text held.
    pub(super) fn held(&self) -> usize {
        match &self.target {
            Target::Text(_, text) => text.len(),
            Target::File(_) => 0,
        }
    }

    pub(super) fn line(&mut self, line: Line<'_>) -> Result<(), ReadError> {
        match &mut self.target {
            Target::Text(_, text) => self.decoder.line(line, text),
            Target::File(file) => self.decoder.line(line, file),
        }
        .map_err(store)
    }

    /// Makes text that is too much to hold a file.
    pub(super) fn spill(&mut self, files: &mut F) -> Result<(), ReadError> {
        if let Target::Text(kind, text) = &mut self.target {
            let mut file = files.create().map_err(store)?;
            file.write_all(text).map_err(store)?;
            let name = match kind {
                TextKind::Plain => "transcript.txt",
                TextKind::Html => "transcript.html",
            };
            self.description.name = Some(name.to_owned());
            self.target = Target::File(file);
        }
        Ok(())
    }

    /// Ends the part. `at_end_of_file` is true where no boundary ends it.
    pub(super) fn finish(
        mut self,
        at_end_of_file: bool,
        files: &mut F,
    ) -> Result<Result<Finished, CutOff>, ReadError> {
        let end = match &mut self.target {
            Target::Text(_, text) => self.decoder.finish(at_end_of_file, text),
            Target::File(file) => self.decoder.finish(at_end_of_file, file),
        };
        if let Err(cut_off) = end.map_err(store)? {
            return Ok(Err(cut_off));
        }
        let description = self.description;
        Ok(Ok(match self.target {
            Target::Text(kind, text) => {
                let text = charset::decode(text, description.charset.as_deref());
                Finished::Text(kind, unix_lines(&text))
            }
            Target::File(file) => {
                let stored = files.store(file).map_err(store)?;
                Finished::Attachment(Attachment {
                    name: description.name.unwrap_or_default(),
                    media_type: description.media_type,
                    key: stored.key,
                    sha256: stored.sha256,
                    size: stored.size,
                })
            }
        }))
    }
}

fn store(source: io::Error) -> ReadError {
    ReadError::Store { source }
}

fn media_type(content: Option<&mail_parser::ContentType<'_>>) -> String {
    let Some(content) = content else {
        return "text/plain".to_owned();
    };
    let kind = content.ctype().to_ascii_lowercase();
    match content.subtype() {
        Some(subtype) => format!("{kind}/{}", subtype.to_ascii_lowercase()),
        // `Content-Type: text` is how very old programs say text/plain.
        None if kind == "text" || kind.is_empty() => "text/plain".to_owned(),
        None => "application/octet-stream".to_owned(),
    }
}

fn text_kind(media_type: &str) -> Option<TextKind> {
    match media_type {
        "text/plain" => Some(TextKind::Plain),
        "text/html" => Some(TextKind::Html),
        _ => None,
    }
}

/// One form of line break, none at the end: what carried the text decides neither.
fn unix_lines(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    }
}
