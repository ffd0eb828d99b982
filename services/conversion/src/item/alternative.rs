//! The two readable forms of a part: heading, participants, days, entries.

use chatkeep_model::Content;

use super::{
    compose::{Item, Number},
    mailbox_list,
};
use crate::transcript::{
    Entry,
    clock::Day,
    pen::{self, Pen, To},
};

const STYLE: &str = "body{font:14px/1.4 'Segoe UI',Arial,sans-serif;color:#222}\r\n\
     h1{font-size:18px}\r\n\
     td,th{padding:2px 12px 2px 0;text-align:left;vertical-align:top}\r\n\
     th{padding-top:12px}\r\n\
     td{white-space:pre-wrap}\r\n\
     td:first-child{white-space:nowrap;color:#666}\r\n\
     .e{color:#666;font-style:italic}\r\n";

impl Item<'_> {
    /// What stands before the entries.
    pub(super) fn frame(&self, number: Number, note: Option<&str>) -> (String, String) {
        let mut pen = Pen::with_capacity(256 + 128 * self.conversation.participants.len());
        pen.html.reserve(1_024);
        let is_transcript = matches!(self.conversation.content, Content::Transcript(_));
        pen.html
            .push_str("<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"><title>");
        pen::escape(&self.headers.title, &mut pen.html);
        pen.html.push_str("</title>");
        if !is_transcript {
            pen.html.push_str("\r\n<style>\r\n");
            pen.html.push_str(STYLE);
            pen.html.push_str("</style>");
        }
        pen.html.push_str("</head><body>\r\n");
        if !is_transcript {
            mailbox_list::write(
                &self.headers.title,
                &self.conversation.participants,
                &mut pen,
            );
        }
        if number != Number::ONLY {
            let numbers = format!(
                "Part {} of {} of this conversation.",
                number.number, number.count
            );
            paragraph(&numbers, &mut pen);
        }
        if let Some(note) = note {
            paragraph(note, &mut pen);
        }
        if !is_transcript {
            pen.html.push_str("<table>\r\n");
        } else if !pen.text.is_empty() {
            pen.text.push_str("\r\n");
        }
        (pen.text, pen.html)
    }

    pub(super) fn text_entries(&self, entries: &[Entry], out: &mut String) {
        let mut today: Option<Day> = None;
        for (first, next) in spans(entries) {
            let entry = &entries[first];
            if entry.day.is_some() && entry.day != today {
                today = entry.day;
                out.push_str("\r\n--- ");
                if let Some(day) = today {
                    day.write(out);
                }
                out.push_str(" ---\r\n");
            }
            let end = entries[next - 1].text.all.end;
            out.push_str(&self.entries.text[entry.text.all.start..end]);
        }
    }

    pub(super) fn html_entries(&self, entries: &[Entry], out: &mut String) {
        let mut today: Option<Day> = None;
        for (first, next) in spans(entries) {
            let entry = &entries[first];
            if entry.day.is_some() && entry.day != today {
                today = entry.day;
                out.push_str("<tr><th colspan=\"3\">");
                if let Some(day) = today {
                    day.write(out);
                }
                out.push_str("</th></tr>\r\n");
            }
            let end = entries[next - 1].html.all.end;
            out.push_str(&self.entries.html[entry.html.all.start..end]);
        }
        let is_transcript = matches!(self.conversation.content, Content::Transcript(_));
        out.push_str(if is_transcript { "" } else { "</table>\r\n" });
        out.push_str("</body></html>\r\n");
    }
}

/// Runs of entries of one day that stand one behind the other.
fn spans(entries: &[Entry]) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let start = entries.get(first)?;
        let mut next = first + 1;
        while entries.get(next).is_some_and(|entry| {
            entry.day == start.day
                && entry.text.all.start == entries[next - 1].text.all.end
                && entry.html.all.start == entries[next - 1].html.all.end
        }) {
            next += 1;
        }
        let span = (first, next);
        first = next;
        Some(span)
    })
}

fn paragraph(text: &str, pen: &mut Pen) {
    if !pen.text.is_empty() {
        pen.text.push_str("\r\n");
    }
    pen.html.push_str("<p>");
    pen.words(text, To::Anchor);
    pen.html.push_str("</p>\r\n");
    pen.text.push_str("\r\n");
}
