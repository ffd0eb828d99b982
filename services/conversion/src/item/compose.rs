//! Puts a part's bytes together, all but its files.

use std::ops::Range;

use chatkeep_model::Conversation;

use super::{
    RenderError, RenderOptions,
    file::{self, File, Piece},
    headers::Headers,
    transfer,
};
use crate::{
    body::{Kept, Sanitizer},
    transcript::{Entries, has_long_line},
};

/// Part n of m.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) number: u32,
    pub(super) count: u32,
}

impl Number {
    /// The only part.
    pub(super) const ONLY: Self = Self {
        number: 1,
        count: 1,
    };
    /// As wide as any number can be: what fits with it fits with every other.
    pub(super) const WIDEST: Self = Self {
        number: u32::MAX,
        count: u32::MAX,
    };
}

/// What stands in one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartPlan {
    /// Which entries of the transcript.
    pub(super) entries: Range<usize>,
    /// Which whole files.
    pub(super) files: Vec<usize>,
    /// Which piece of a file that was cut.
    pub(super) piece: Option<PiecePlan>,
}

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PiecePlan {
    pub(super) file: usize,
    /// From 1.
    pub(super) number: u64,
    pub(super) count: u64,
    /// Bytes in every piece but the last.
    pub(super) step: u64,
}

/// A part's bytes before and behind its files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) start: String,
    pub(super) end: String,
}

/// A conversation, rendered, not yet cut into parts.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) headers: Headers,
    boundary: String,
    pub(super) entries: Entries,
    pub(super) files: Vec<File<'a>>,
    pub(super) max: u64,
}

impl<'a> Item<'a> {
    pub(super) fn new(
        conversation: &'a Conversation,
        options: &RenderOptions,
        sanitizer: &Sanitizer,
    ) -> Result<Self, RenderError> {
        let mut entries = Entries::of(conversation, &options.time_zone, sanitizer);
        let kept = std::mem::take(&mut entries.kept);
        let mut files: Vec<_> = conversation.attachments.iter().map(File::staged).collect();
        files.extend(kept.into_iter().map(File::kept));
        if options.json_record {
            let record = serde_json::to_vec(conversation);
            files.push(File::kept(Kept {
                name: "conversation.json".to_owned(),
                media_type: "application/json".to_owned(),
                bytes: record.map_err(|source| RenderError::Record { source })?,
            }));
        }
        let id = conversation.id.base32();
        Ok(Self {
            conversation,
            headers: Headers::new(conversation, options),
            boundary: format!("=_chatkeep_{}", &id[..26]),
            entries,
            files,
            max: options.max_part_bytes,
        })
    }

    /// The item as one part; `None` where it is too large for one.
    pub(super) fn single(&self) -> Option<Head> {
        let head = self.compose(
            0..self.entries.list.len(),
            Number::ONLY,
            None,
            !self.files.is_empty(),
        );
        let files: u64 = self.files.iter().map(|file| self.file_size(file)).sum();
        (head.size() + files <= self.max).then_some(head)
    }

    /// Size of a whole file in a part.
    pub(super) fn file_size(&self, file: &File<'_>) -> u64 {
        file::encoded_size(&file.header(&self.mixed()), file.size)
    }

    /// All files, whole.
    pub(super) fn whole_files(&self) -> Vec<Piece<'_, 'a>> {
        (0..self.files.len())
            .map(|index| self.whole_file(index))
            .collect()
    }

    /// The files and pieces of a part.
    pub(super) fn pieces(&self, part: &PartPlan) -> Vec<Piece<'_, 'a>> {
        let mut pieces: Vec<_> = part.piece.iter().map(|piece| self.piece(*piece)).collect();
        pieces.extend(part.files.iter().map(|index| self.whole_file(*index)));
        pieces
    }

    /// The bytes of a part of several.
    pub(super) fn head(&self, part: &PartPlan, number: Number) -> Head {
        let has_files = part.piece.is_some() || !part.files.is_empty();
        let note = part.piece.map(|piece| self.note(piece));
        self.compose(part.entries.clone(), number, note.as_deref(), has_files)
    }

    fn whole_file(&self, index: usize) -> Piece<'_, 'a> {
        let file = &self.files[index];
        Piece {
            index,
            file,
            start: 0,
            size: file.size,
            header: file.header(&self.mixed()),
        }
    }

    fn piece(&self, plan: PiecePlan) -> Piece<'_, 'a> {
        let file = &self.files[plan.file];
        let start = (plan.number - 1) * plan.step;
        Piece {
            index: plan.file,
            file,
            start,
            size: plan.step.min(file.size - start),
            header: self.piece_header(plan),
        }
    }

    /// The header of a piece's MIME part.
    pub(super) fn piece_header(&self, plan: PiecePlan) -> String {
        self.files[plan.file].piece_header(&self.mixed(), plan.number, plan.count)
    }

    /// How to join the pieces of a file.
    fn note(&self, piece: PiecePlan) -> String {
        let file = &self.files[piece.file];
        format!(
            "The file {} ({} bytes) is too large for one message. This is piece {} of {}. To join \
             them, save all pieces in one folder and append them in the order of their numbers, from \
             {} to {}.",
            file.name,
            file.size,
            piece.number,
            piece.count,
            file.piece_name(1, piece.count),
            file.piece_name(piece.count, piece.count),
        )
    }

    fn mixed(&self) -> String {
        format!("{}_m", self.boundary)
    }

    pub(super) fn compose(
        &self,
        entries: Range<usize>,
        number: Number,
        note: Option<&str>,
        has_files: bool,
    ) -> Head {
        let entries = &self.entries.list[entries];
        let (text, html) = self.frame(number, note);
        let size: usize = entries
            .iter()
            .map(|e| e.text.all.len() + e.html.all.len())
            .sum();
        let mut start = String::with_capacity(3_000 + size + text.len() + html.len());
        self.headers.write(number, &mut start);
        let mixed = self.mixed();
        if has_files {
            for piece in [
                "Content-Type: multipart/mixed;\r\n boundary=\"",
                &mixed,
                "\"\r\n\r\n--",
                &mixed,
                "\r\n",
            ] {
                start.push_str(piece);
            }
        }
        let boundary = &self.boundary;
        for piece in [
            "Content-Type: multipart/alternative;\r\n boundary=\"",
            boundary,
            "\"\r\n",
        ] {
            start.push_str(piece);
        }
        let is_long = entries.iter().any(|entry| entry.is_long);
        self.alternative(
            "text/plain",
            is_long || has_long_line(&text),
            &mut start,
            &|out| {
                out.push_str(&text);
                self.text_entries(entries, out);
            },
        );
        self.alternative(
            "text/html",
            is_long || has_long_line(&html),
            &mut start,
            &|out| {
                out.push_str(&html);
                self.html_entries(entries, out);
            },
        );
        for piece in ["\r\n--", boundary, "--\r\n"] {
            start.push_str(piece);
        }
        let end = if has_files {
            format!("\r\n--{mixed}--\r\n")
        } else {
            String::new()
        };
        Head { start, end }
    }

    fn alternative(&self, kind: &str, is_long: bool, out: &mut String, body: &dyn Fn(&mut String)) {
        let encoding = if is_long { "quoted-printable" } else { "8bit" };
        for piece in [
            "\r\n--",
            &self.boundary,
            "\r\nContent-Type: ",
            kind,
            "; charset=utf-8\r\nContent-Transfer-Encoding: ",
            encoding,
            "\r\n\r\n",
        ] {
            out.push_str(piece);
        }
        if is_long {
            let mut plain = String::new();
            body(&mut plain);
            transfer::write_quoted_printable(&plain, out);
        } else {
            body(out);
        }
    }
}

impl Head {
    pub(super) fn size(&self) -> u64 {
        (self.start.len() + self.end.len()) as u64
    }
}
