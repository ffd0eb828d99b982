//! Interprets the tokens: groups, destinations, characters.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::{
    charset,
    output::{Output, Style},
    token::{Token, Tokens},
};
use crate::transcript::pen::Pen;

/// Groups deeper than this share one state.
const DEEPEST: usize = 256;

/// What a group's text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Destination {
    #[default]
    Visible,
    Skipped,
    Fonts,
    Colours,
    /// What a field does: `HYPERLINK "..."`.
    Instruction,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) destination: Destination,
    pub(super) style: Style,
    pub(super) encoding: Option<&'static Encoding>,
    /// Characters that stand for a `\u` in readers that do not know it.
    pub(super) fallback: u8,
    /// The group of a field: its link ends with it.
    pub(super) is_field: bool,
}

/// Reads one document.
pub(super) struct Reader<'a, 'p> {
    pub(super) tokens: Tokens<'a>,
    pub(super) output: Output<'p>,
    pub(super) state: State,
    outer: Vec<State>,
    beyond: usize,
    pub(super) encoding: &'static Encoding,
    pub(super) fonts: Vec<(i32, Option<&'static Encoding>)>,
    pub(super) colours: Vec<Option<[u8; 3]>>,
    pub(super) colour: Option<[u8; 3]>,
    /// Bytes of `\'hh` that wait to be decoded together.
    bytes: Vec<u8>,
    surrogate: Option<u16>,
    skip: u8,
    pub(super) instruction: String,
    /// The group began with `\*`: unless the word behind it is known, the group is skipped.
    pub(super) is_optional: bool,
    pub(super) is_complete: bool,
    is_closed: bool,
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(rtf: &'a str, pen: &'p mut Pen) -> Self {
        Self {
            tokens: Tokens::new(rtf),
            output: Output::new(pen),
            state: State {
                fallback: 1,
                ..State::default()
            },
            outer: Vec::new(),
            beyond: 0,
            encoding: WINDOWS_1252,
            fonts: Vec::new(),
            colours: Vec::new(),
            colour: None,
            bytes: Vec::new(),
            surrogate: None,
            skip: 0,
            instruction: String::new(),
            is_optional: false,
            is_complete: true,
            is_closed: false,
        }
    }

    /// Reads to the end. True when everything there was is shown.
    pub(super) fn read(mut self) -> bool {
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Byte(Some(byte)) => self.byte(byte),
                Token::Text(text) => self.text(text),
                other => {
                    self.decode();
                    self.control(other);
                }
            }
        }
        self.decode();
        self.end_surrogate();
        self.output.close_anchor();
        self.output.flush();
        self.is_complete && self.is_closed && self.outer.is_empty()
    }

    fn control(&mut self, token: Token<'a>) {
        match token {
            Token::Open => self.open(),
            Token::Close => self.close(),
            Token::Word(word, number) => self.word(word, number),
            Token::Symbol('*') => self.is_optional = true,
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Byte(_) | Token::Cut => self.is_complete = false,
            Token::Text(_) => {}
        }
    }

    fn open(&mut self) {
        self.skip = 0;
        self.is_optional = false;
        // What stands behind the document's own end is no part of it, yet it is text.
        self.is_complete &= !self.is_closed;
        if self.outer.len() < DEEPEST {
            self.outer.push(self.state);
            self.state.is_field = false;
        } else {
            self.beyond += 1;
        }
    }

    fn close(&mut self) {
        self.skip = 0;
        self.is_optional = false;
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        if self.state.is_field {
            self.open_link();
            self.output.close_anchor();
        }
        match self.outer.pop() {
            Some(outer) => self.state = outer,
            None => self.is_complete = false,
        }
        self.is_closed |= self.outer.is_empty();
    }

    fn symbol(&mut self, symbol: char) {
        if self.skip_one() {
            return;
        }
        let mut buffer = [0; 4];
        match symbol {
            '~' => self.emit("\u{A0}"),
            '-' => self.emit("\u{AD}"),
            '_' => self.emit("\u{2011}"),
            '\r' | '\n' if self.state.destination == Destination::Visible => {
                self.output.break_line();
            }
            '\\' | '{' | '}' => self.emit(symbol.encode_utf8(&mut buffer)),
            // `\|` and `\:` are index marks; any other character is an error, yet somebody may have
            // typed it.
            '|' | ':' | '\r' | '\n' => {}
            other => self.emit(other.encode_utf8(&mut buffer)),
        }
    }

    pub(super) fn unicode(&mut self, number: Option<i32>) {
        let Some(number) = number else {
            self.is_complete = false;
            return;
        };
        self.skip = self.state.fallback;
        let unit = u16::try_from(number & 0xFFFF).unwrap_or(0);
        match (self.surrogate.take(), unit) {
            (Some(high), 0xDC00..=0xDFFF) => {
                let pair = char::decode_utf16([high, unit]).next().and_then(Result::ok);
                self.letter(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (before, 0xD800..=0xDBFF) => {
                if before.is_some() {
                    self.letter(char::REPLACEMENT_CHARACTER);
                }
                self.surrogate = Some(unit);
            }
            (before, _) => {
                if before.is_some() {
                    self.letter(char::REPLACEMENT_CHARACTER);
                }
                // Some writers put a whole code point where two halves belong.
                let point = u32::try_from(number).ok().filter(|point| *point > 0xFFFF);
                let letter = char::from_u32(point.unwrap_or_else(|| u32::from(unit)));
                self.letter(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }

    pub(super) fn end_surrogate(&mut self) {
        if self.surrogate.take().is_some() {
            self.letter(char::REPLACEMENT_CHARACTER);
        }
    }

    fn letter(&mut self, letter: char) {
        self.emit(letter.encode_utf8(&mut [0; 4]));
    }

    fn text(&mut self, text: &'a str) {
        self.is_optional = false;
        if charset::awaits_trail(&self.bytes, self.current_encoding())
            && let Some(first) = text.bytes().next()
            && first.is_ascii()
        {
            self.bytes.push(first);
            self.decode();
            self.tokens.rewind(text.len() - 1);
            return;
        }
        self.decode();
        let mut letters = text.chars();
        while self.skip > 0 && letters.next().is_some() {
            self.skip -= 1;
        }
        let rest = letters.as_str();
        if rest.is_empty() {
            return;
        }
        self.end_surrogate();
        match self.state.destination {
            Destination::Colours => {
                for _ in rest.bytes().filter(|byte| *byte == b';') {
                    let colour = self.colour.take().filter(|colour| *colour != [0; 3]);
                    self.colours.push(colour);
                }
            }
            _ => self.emit(rest),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skip_one() {
            return;
        }
        self.end_surrogate();
        self.bytes.push(byte);
    }

    /// True where this character only stands in for a `\u` before it.
    fn skip_one(&mut self) -> bool {
        let is_skipped = self.skip > 0;
        self.skip = self.skip.saturating_sub(1);
        is_skipped
    }

    fn decode(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let (text, _) = self.current_encoding().decode_without_bom_handling(&bytes);
        self.emit(&text);
        self.bytes = bytes;
        self.bytes.clear();
    }

    pub(super) fn emit(&mut self, text: &str) {
        // Behind the end of the document: shown all the same.
        self.is_complete &= !self.is_closed || text.trim().is_empty();
        match self.state.destination {
            Destination::Visible => self.output.text(text, self.state.style),
            Destination::Instruction => self.instruction.push_str(text),
            Destination::Skipped | Destination::Fonts | Destination::Colours => {}
        }
    }

    pub(super) fn skips(&self) -> bool {
        self.state.destination == Destination::Skipped
    }

    fn current_encoding(&self) -> &'static Encoding {
        self.state.encoding.unwrap_or(self.encoding)
    }
}
