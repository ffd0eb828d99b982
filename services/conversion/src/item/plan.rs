//! Decides what stands in which part of an item that is too large for one message. Sizes are measured,
//! not estimated: a part is composed with the widest numbers it could get.

use std::ops::Range;

use super::{
    RenderError, Unrenderable,
    compose::{Item, Number, PartPlan, PiecePlan},
    cut,
    file::File,
    transfer,
};
use crate::{
    body::Kept,
    transcript::{
        Entry, Span, has_long_line,
        pen::{Pen, To},
    },
};

/// An entry is cut into at most this many pieces before its HTML is given up for its text.
const MOST_PIECES: usize = 1 << 16;

/// Plans the parts. Entries that fit into no part have been cut in the item that comes back.
pub(super) fn plan(mut item: Item<'_>) -> Result<(Item<'_>, Vec<PartPlan>), RenderError> {
    let mut parts = Vec::new();
    let mut next = 0;
    while next < item.entries.list.len() {
        let end = largest(&item, next);
        if end == next {
            cut_entry(&mut item, next)?;
            continue;
        }
        parts.push(PartPlan {
            entries: next..end,
            ..PartPlan::default()
        });
        next = end;
    }
    if parts.is_empty() {
        parts.push(PartPlan::default());
    }
    add_files(&item, &mut parts)?;
    Ok((item, parts))
}

/// The end of the most entries from `first` on that fit into one part; `first` where not even one does.
/// Room is kept for the frame of files, so that one can join.
fn largest(item: &Item<'_>, first: usize) -> usize {
    let count = item.entries.list.len();
    let fits = |end: usize| size(item, first..end) <= item.max;
    // Twice as many each time, then halved: what is composed stays within a few times the item.
    let (mut good, mut step) = (first, 1);
    let mut bad = count + 1;
    while good < count {
        let end = (good + step).min(count);
        if !fits(end) {
            bad = end;
            break;
        }
        good = end;
        step *= 2;
    }
    while bad - good > 1 && bad <= count {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

fn size(item: &Item<'_>, entries: Range<usize>) -> u64 {
    item.compose(entries, Number::WIDEST, None, true).size()
}

/// Puts whole files where they fit, and cuts those that fit nowhere.
fn add_files(item: &Item<'_>, parts: &mut Vec<PartPlan>) -> Result<(), RenderError> {
    let empty = size(item, 0..0);
    if item.files.is_empty() {
        return within(item, empty);
    }
    let last = parts.last().map_or(0..0, |part| part.entries.clone());
    let mut used = size(item, last);
    for (index, file) in item.files.iter().enumerate() {
        let size = item.file_size(file);
        if used + size <= item.max {
            used += size;
            if let Some(part) = parts.last_mut() {
                part.files.push(index);
            }
        } else if empty + size <= item.max {
            used = empty + size;
            parts.push(PartPlan {
                files: vec![index],
                ..PartPlan::default()
            });
        } else {
            parts.extend(cut_file(item, index)?);
            // What is behind the last piece starts a part of its own.
            used = item.max;
        }
    }
    Ok(())
}

fn within(item: &Item<'_>, size: u64) -> Result<(), RenderError> {
    if size <= item.max {
        return Ok(());
    }
    Err(RenderError::Unrenderable(Unrenderable::HeadersTooLarge))
}

/// The pieces of a file, each in a part of its own.
fn cut_file(item: &Item<'_>, index: usize) -> Result<Vec<PartPlan>, RenderError> {
    let file = &item.files[index];
    let frame = frame_size(item, index);
    let too_small = || RenderError::Unrenderable(Unrenderable::HeadersTooLarge);
    let room = item.max.checked_sub(frame).ok_or_else(too_small)?;
    let lines = room / transfer::base64_size(transfer::BASE64_BYTES);
    let step = lines * transfer::BASE64_BYTES;
    if step == 0 {
        return Err(too_small());
    }
    let count = file.size.div_ceil(step);
    let piece = |number| PartPlan {
        piece: Some(PiecePlan {
            file: index,
            number,
            count,
            step,
        }),
        ..PartPlan::default()
    };
    Ok((1..=count).map(piece).collect())
}

/// Size of a part that carries an empty piece, numbers as wide as they can be.
fn frame_size(item: &Item<'_>, file: usize) -> u64 {
    let widest = u64::from(u32::MAX);
    let piece = PiecePlan {
        file,
        number: widest,
        count: widest,
        step: 0,
    };
    let part = PartPlan {
        piece: Some(piece),
        ..PartPlan::default()
    };
    item.head(&part, Number::WIDEST).size() + item.piece_header(piece).len() as u64
}

/// Replaces an entry that is too large by pieces of it that fit.
fn cut_entry(item: &mut Item<'_>, index: usize) -> Result<(), RenderError> {
    within(item, size(item, 0..0))?;
    let entry = item.entries.list[index].clone();
    let mut count = 2;
    while count <= MOST_PIECES {
        let Some(pieces) = pieces(item, &entry, count) else {
            break;
        };
        let (text, html) = (item.entries.text.len(), item.entries.html.len());
        let added = append(item, pieces);
        let end = added.len();
        item.entries.list.splice(index..=index, added);
        if (index..index + end).all(|at| size(item, at..at + 1) <= item.max) {
            return Ok(());
        }
        item.entries
            .list
            .splice(index..index + end, [entry.clone()]);
        item.entries.text.truncate(text);
        item.entries.html.truncate(html);
        count *= 2;
    }
    as_text(item, index, entry)
}

/// One entry's pieces: head, part of what was said, tail.
fn pieces(item: &Item<'_>, entry: &Entry, count: usize) -> Option<Vec<(String, String, Entry)>> {
    let said = &item.entries.text[entry.text.said.clone()];
    let texts = cut::text(said, count);
    let htmls = cut::html(&item.entries.html[entry.html.said.clone()], count)?;
    let pieces = texts.into_iter().zip(htmls).map(|(text, html)| {
        let (text, text_span) = framed(&item.entries.text, &entry.text, &said[text], "\r\n");
        let (html, html_span) = framed(&item.entries.html, &entry.html, &html, "");
        let piece = Entry {
            is_long: has_long_line(&text) || has_long_line(&html),
            text: text_span,
            html: html_span,
            day: entry.day,
        };
        (text, html, piece)
    });
    Some(pieces.collect())
}

fn framed(all: &str, span: &Span, said: &str, end: &str) -> (String, Span) {
    let head = &all[span.all.start..span.said.start];
    let tail = &all[span.said.end..span.all.end];
    let mut piece = String::with_capacity(head.len() + said.len() + tail.len() + end.len());
    piece.push_str(head);
    piece.push_str(said);
    let said = head.len()..piece.len();
    let ends = !tail.is_empty() || piece.ends_with(end);
    piece.push_str(if ends { tail } else { end });
    let all = 0..piece.len();
    (piece, Span { all, said })
}

fn append(item: &mut Item<'_>, pieces: Vec<(String, String, Entry)>) -> Vec<Entry> {
    let entries = &mut item.entries;
    let append = |(text, html, mut entry): (String, String, Entry)| {
        entry.text = entry.text.moved(entries.text.len());
        entry.html = entry.html.moved(entries.html.len());
        entries.text.push_str(&text);
        entries.html.push_str(&html);
        entry
    };
    pieces.into_iter().map(append).collect()
}

/// An entry whose HTML cannot be cut small enough is shown as its text, and its HTML attached.
fn as_text(item: &mut Item<'_>, index: usize, entry: Entry) -> Result<(), RenderError> {
    let name = format!("message-{:04}.html", index + 1);
    if item.files.iter().any(|file| file.name == name) {
        return Err(RenderError::Unrenderable(Unrenderable::HeadersTooLarge));
    }
    let html = item.entries.html[entry.html.said.clone()].to_owned();
    let mut pen = Pen::default();
    pen.words(&item.entries.text[entry.text.said.clone()], To::Anchor);
    let (html_entry, span) = framed(&item.entries.html, &entry.html, &pen.html, "");
    let start = item.entries.html.len();
    item.entries.html.push_str(&html_entry);
    item.files.push(File::kept(Kept {
        name,
        media_type: "text/html; charset=utf-8".to_owned(),
        bytes: html.into_bytes(),
    }));
    item.entries.list[index] = Entry {
        html: span.moved(start),
        ..entry
    };
    Ok(())
}
