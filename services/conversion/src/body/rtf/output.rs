//! Writes runs of one style, their tags properly nested.

use crate::transcript::{
    link,
    pen::{self, Pen, To},
};

pub(super) const BOLD: u8 = 1;
pub(super) const ITALIC: u8 = 2;
pub(super) const UNDERLINE: u8 = 4;
pub(super) const STRIKE: u8 = 8;

/// How a run looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Bits of [`BOLD`] to [`STRIKE`].
    marks: u8,
    /// Red, green, blue; `None` for the reader's own colour.
    pub(super) colour: Option<[u8; 3]>,
}

impl Style {
    pub(super) fn set(&mut self, mark: u8, is_on: bool) {
        self.marks = if is_on {
            self.marks | mark
        } else {
            self.marks & !mark
        };
    }

    fn tags(self) -> impl DoubleEndedIterator<Item = (&'static str, &'static str)> {
        let all = [
            (BOLD, "<b>", "</b>"),
            (ITALIC, "<i>", "</i>"),
            (UNDERLINE, "<u>", "</u>"),
            (STRIKE, "<s>", "</s>"),
        ];
        let set = all
            .into_iter()
            .filter(move |(mark, ..)| self.marks & mark != 0);
        set.map(|(_, open, close)| (open, close))
    }
}

/// The way of runs into the pen.
pub(super) struct Output<'p> {
    pen: &'p mut Pen,
    run: String,
    style: Style,
    breaks: u32,
    is_empty: bool,
    /// Where the text of an open link starts, and its target.
    anchor: Option<(usize, String)>,
    is_clickable: bool,
}

impl<'p> Output<'p> {
    pub(super) fn new(pen: &'p mut Pen) -> Self {
        Self {
            pen,
            run: String::new(),
            style: Style::default(),
            breaks: 0,
            is_empty: true,
            anchor: None,
            is_clickable: false,
        }
    }

    /// Adds text to the run.
    pub(super) fn text(&mut self, text: &str, style: Style) {
        if style != self.style {
            self.flush();
            self.style = style;
        }
        self.run.push_str(text);
    }

    /// Ends the line. Line ends behind the last text are not written.
    pub(super) fn break_line(&mut self) {
        self.flush();
        self.breaks += 1;
    }

    /// Starts a link; its text follows.
    pub(super) fn open_anchor(&mut self, target: String) {
        self.close_anchor();
        self.flush();
        self.write_breaks();
        self.is_clickable = link::is_safe(&target);
        if self.is_clickable {
            self.pen.html.push_str("<a href=\"");
            pen::escape(&target, &mut self.pen.html);
            self.pen.html.push_str("\">");
        }
        self.anchor = Some((self.pen.text.len(), target));
    }

    /// Ends the link, if one is open. A target that its text does not show stands behind it.
    pub(super) fn close_anchor(&mut self) {
        let Some((start, target)) = self.anchor.take() else {
            return;
        };
        self.flush();
        if std::mem::take(&mut self.is_clickable) {
            self.pen.html.push_str("</a>");
            self.target(start, &target, To::Text);
        } else {
            self.target(start, &target, To::Anchor);
        }
    }

    fn target(&mut self, start: usize, target: &str, to: To) {
        let shown = self.pen.text.get(start..).unwrap_or_default().trim();
        let bare = |url: &str| {
            url.trim_start_matches("mailto:")
                .trim_end_matches('/')
                .to_owned()
        };
        if target.is_empty() || bare(shown) == bare(target) {
            return;
        }
        self.is_empty = false;
        let (before, after) = if shown.is_empty() {
            ("<", ">")
        } else {
            (" <", ">")
        };
        for piece in [before, target, after] {
            self.pen.words(piece, to);
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) {
        if self.run.is_empty() {
            return;
        }
        self.write_breaks();
        self.is_empty = false;
        let run = std::mem::take(&mut self.run);
        let style = self.style;
        if let Some([red, green, blue]) = style.colour {
            let open = format!("<span style=\"color:#{red:02x}{green:02x}{blue:02x}\">");
            self.pen.html.push_str(&open);
        }
        for (open, _) in style.tags() {
            self.pen.html.push_str(open);
        }
        let to = if self.is_clickable {
            To::Anchor
        } else {
            To::Both
        };
        self.pen.words(&run, to);
        for (_, close) in style.tags().rev() {
            self.pen.html.push_str(close);
        }
        if style.colour.is_some() {
            self.pen.html.push_str("</span>");
        }
        self.run = run;
        self.run.clear();
    }

    fn write_breaks(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        if !self.is_empty {
            (0..breaks).for_each(|_| self.pen.break_line(To::Both));
        }
    }
}
