//! Cuts what is too long for one part: text at lines or characters, HTML with its tags closed and opened
//! again.

use std::ops::Range;

use crate::body::html_text::{tag_end, tag_name};

/// How far back from the wanted place a line end or a space is looked for.
const LOOK_BACK: usize = 400;

/// Cuts text into this many pieces, one behind the other; some may be empty.
pub(super) fn text(text: &str, count: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::with_capacity(count);
    let mut start = 0;
    for index in 1..=count {
        let wanted = wanted(text.len(), index, count);
        let end = if index == count {
            text.len()
        } else {
            border(text, wanted.max(start))
        };
        let end = end.max(start);
        pieces.push(start..end);
        start = end;
    }
    pieces
}

/// Cuts safe HTML into this many pieces. Each is well-formed by itself; together they show every
/// character once. `None` where opening tags again would cost more than there is.
pub(super) fn html(html: &str, count: usize) -> Option<Vec<String>> {
    let mut budget = html.len() + 65_536;
    let mut pieces = Vec::with_capacity(count);
    let mut open: Vec<&str> = Vec::new();
    let mut piece = String::new();
    let mut at = 0;
    let mut next = wanted(html.len(), 1, count);
    while at < html.len() {
        while at >= next && pieces.len() + 1 < count {
            pieces.push(closed(std::mem::take(&mut piece), &open));
            piece.extend(open.iter().copied());
            budget = budget.checked_sub(piece.len())?;
            next = wanted(html.len(), pieces.len() + 1, count);
        }
        let token = token(&html[at..], next.saturating_sub(at).max(1));
        note(token, &mut open);
        piece.push_str(token);
        at += token.len();
    }
    pieces.push(closed(piece, &open));
    pieces.resize(count, String::new());
    Some(pieces)
}

fn wanted(length: usize, index: usize, count: usize) -> usize {
    // No overflow: lengths are far below 2^40, counts below 2^20.
    length * index / count
}

/// A good place to cut at or before `wanted`: behind a line end, else behind a space, else between
/// two characters.
fn border(text: &str, wanted: usize) -> usize {
    let mut end = wanted.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut from = end.saturating_sub(LOOK_BACK);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = &text[from..end];
    if let Some(line) = before.rfind('\n') {
        return from + line + 1;
    }
    if let Some(space) = before.rfind(' ') {
        return from + space + 1;
    }
    // Never between CR and LF.
    if before.ends_with('\r') && text[end..].starts_with('\n') {
        return end - 1;
    }
    end
}

/// The next tag, entity, or run of at most about `room` bytes of text.
fn token(html: &str, room: usize) -> &str {
    if html.starts_with('<') {
        return &html[..tag_end(html)];
    }
    if html.starts_with('&') {
        let end = html.bytes().take(12).position(|byte| byte == b';');
        return &html[..end.map_or(1, |end| end + 1)];
    }
    let end = html.find(['<', '&']).unwrap_or(html.len());
    let text = &html[..end];
    if text.len() <= room {
        return text;
    }
    &text[..border_ahead(text, room)]
}

/// As [`border`], but never at the start, and with a word finished where it ends soon.
fn border_ahead(text: &str, room: usize) -> usize {
    let end = border(text, room);
    if end > 0 && text[..end].ends_with([' ', '\n']) {
        return end;
    }
    let word = text
        .bytes()
        .take(room + LOOK_BACK)
        .skip(end)
        .position(|byte| matches!(byte, b' ' | b'\n'));
    match word {
        Some(word) => end + word + 1,
        None if end > 0 => end,
        None if text.starts_with("\r\n") => 2,
        None => text.chars().next().map_or(1, char::len_utf8),
    }
}

/// Keeps account of open elements.
fn note<'h>(token: &'h str, open: &mut Vec<&'h str>) {
    if !token.starts_with('<') {
        return;
    }
    let name = tag_name(token);
    if token.starts_with("</") {
        if open.last().is_some_and(|tag| tag_name(tag) == name) {
            open.pop();
        }
    } else if !matches!(name, "br" | "hr" | "img" | "col") {
        open.push(token);
    }
}

fn closed(mut piece: String, open: &[&str]) -> String {
    for tag in open.iter().rev() {
        piece.push_str("</");
        piece.push_str(tag_name(tag));
        piece.push('>');
    }
    piece
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_closed_and_opened_again() {
        let pieces = html("<b>one <i>two</i> three</b>", 3).unwrap();

        assert_eq!(
            pieces,
            ["<b>one <i></i></b>", "<b><i>two</i> </b>", "<b>three</b>"]
        );
    }

    proptest! {
        #[test]
        fn no_character_is_lost_or_doubled(words in "(a|é|😀| |\r\n|&amp;|<b>x</b>|<br>){0,80}", count in 1_usize..12) {
            let pieces = html(&words, count).unwrap();
            let joined: String = pieces.concat().replace("</b><b>", "").replace("<b></b>", "");
            prop_assert_eq!(joined, words.replace("</b><b>", "").replace("<b></b>", ""));
            prop_assert_eq!(pieces.len(), count);
            let ranges = text(&words, count);
            let joined: String = ranges.into_iter().map(|range| &words[range]).collect();
            prop_assert_eq!(joined, words);
        }
    }
}
