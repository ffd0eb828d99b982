//! What control words mean.

use encoding_rs::Encoding;

use super::{
    charset,
    output::{BOLD, ITALIC, STRIKE, Style, UNDERLINE},
    reader::{Destination, Reader},
};

/// Fonts beyond these take the document's encoding: looking one up must not become the work.
const MOST_FONTS: usize = 1_000;

impl Reader<'_, '_> {
    pub(super) fn word(&mut self, word: &str, number: Option<i32>) {
        let is_optional = std::mem::take(&mut self.is_optional);
        if self.skips() && word != "bin" {
            return;
        }
        if word != "u" {
            self.end_surrogate();
        }
        if !(self.character(word, number) || self.look(word, number) || self.destination(word)) {
            if let (Destination::Colours, Some(value)) = (self.state.destination, number) {
                self.colour_part(word, value);
            } else if is_optional {
                self.state.destination = Destination::Skipped;
            }
        }
    }

    /// Words that stand for characters.
    fn character(&mut self, word: &str, number: Option<i32>) -> bool {
        let letter = match word {
            "u" => {
                self.unicode(number);
                return true;
            }
            "bin" => {
                self.tokens
                    .pass_over(usize::try_from(number.unwrap_or(0)).unwrap_or(0));
                return true;
            }
            "par" | "line" | "sect" | "page" | "row" => {
                if self.state.destination == Destination::Visible {
                    self.output.break_line();
                }
                return true;
            }
            "tab" | "cell" => "\t",
            "emdash" => "\u{2014}",
            "endash" => "\u{2013}",
            "bullet" => "\u{2022}",
            "lquote" => "\u{2018}",
            "rquote" => "\u{2019}",
            "ldblquote" => "\u{201C}",
            "rdblquote" => "\u{201D}",
            "emspace" => "\u{2003}",
            "enspace" => "\u{2002}",
            "zwj" => "\u{200D}",
            "zwnj" => "\u{200C}",
            "ltrmark" => "\u{200E}",
            "rtlmark" => "\u{200F}",
            _ => return false,
        };
        self.emit(letter);
        true
    }

    /// Words that change how text looks or is encoded.
    fn look(&mut self, word: &str, number: Option<i32>) -> bool {
        let is_on = number != Some(0);
        let style = &mut self.state.style;
        match word {
            "b" => style.set(BOLD, is_on),
            "i" => style.set(ITALIC, is_on),
            "ul" => style.set(UNDERLINE, is_on),
            "ulnone" => style.set(UNDERLINE, false),
            "strike" => style.set(STRIKE, is_on),
            "plain" => *style = Style::default(),
            "cf" => {
                let index = usize::try_from(number.unwrap_or(0)).unwrap_or(0);
                style.colour = self.colours.get(index).copied().flatten();
            }
            "uc" => {
                self.state.fallback = u8::try_from(number.unwrap_or(1).clamp(0, 255)).unwrap_or(1);
            }
            "f" => self.font(number.unwrap_or(0)),
            "fcharset" => self.font_encoding(charset::of_font(number.unwrap_or(0))),
            "cpg" => self.font_encoding(Some(charset::of_code_page(number.unwrap_or(0)))),
            "ansicpg" => self.encoding = charset::of_code_page(number.unwrap_or(0)),
            "mac" => self.encoding = charset::of_code_page(10_000),
            _ => return false,
        }
        true
    }

    /// Words that say what a group's text is.
    fn destination(&mut self, word: &str) -> bool {
        let destination = match word {
            "fonttbl" => Destination::Fonts,
            "colortbl" => Destination::Colours,
            "fldinst" => {
                self.instruction.clear();
                Destination::Instruction
            }
            "field" => {
                self.state.is_field = true;
                return true;
            }
            "fldrslt" => {
                self.open_link();
                return true;
            }
            "pict" => {
                self.lost("[picture]");
                Destination::Skipped
            }
            "objdata" => {
                self.lost("[object]");
                Destination::Skipped
            }
            // Known, and shown: a picture in the form newer readers take.
            "shppict" => return true,
            "stylesheet" | "info" | "generator" | "nonshppict" | "objclass" | "objname"
            | "lyncflags" | "listtable" | "listoverridetable" | "revtbl" | "filetbl"
            | "themedata" | "xmlnstbl" => Destination::Skipped,
            _ => return false,
        };
        self.state.destination = destination;
        true
    }

    fn lost(&mut self, placeholder: &str) {
        if self.state.destination == Destination::Visible {
            self.emit(placeholder);
            self.is_complete = false;
        }
    }

    fn font(&mut self, number: i32) {
        if self.state.destination == Destination::Fonts {
            if self.fonts.len() < MOST_FONTS {
                self.fonts.push((number, None));
            }
            return;
        }
        let font = self.fonts.iter().find(|(font, _)| *font == number);
        self.state.encoding = font.and_then(|(_, encoding)| *encoding);
    }

    fn font_encoding(&mut self, encoding: Option<&'static Encoding>) {
        if let (Destination::Fonts, Some(font)) = (self.state.destination, self.fonts.last_mut()) {
            font.1 = encoding;
        }
    }

    fn colour_part(&mut self, word: &str, value: i32) {
        let part = match word {
            "red" => 0,
            "green" => 1,
            "blue" => 2,
            _ => return,
        };
        let colour = self.colour.get_or_insert([0; 3]);
        colour[part] = u8::try_from(value.clamp(0, 255)).unwrap_or(0);
    }

    /// The field's result begins, or the field ends: what its instruction said becomes a link.
    pub(super) fn open_link(&mut self) {
        let instruction = std::mem::take(&mut self.instruction);
        let Some(target) = instruction.trim().strip_prefix("HYPERLINK") else {
            return;
        };
        let target = match target.trim().strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => target.split_whitespace().next(),
        };
        self.output
            .open_anchor(target.unwrap_or_default().to_owned());
    }
}
