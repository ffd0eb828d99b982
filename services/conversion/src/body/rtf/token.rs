//! Cuts RTF into tokens.

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// `\word` with its number, if any.
    Word(&'a str, Option<i32>),
    /// `\` and a character that is no letter.
    Symbol(char),
    /// `\'hh`; `None` where the digits are missing.
    Byte(Option<u8>),
    /// Text up to the next token, without line ends of the source.
    Text(&'a str),
    /// A lone `\` at the end.
    Cut,
}

/// The tokens of a source.
pub(super) struct Tokens<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    /// Passes over raw bytes, as `\binN` announces them.
    pub(super) fn pass_over(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.source.len());
        while !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    /// Gives back the rest of a text token.
    pub(super) fn rewind(&mut self, bytes: usize) {
        self.at -= bytes;
    }

    fn control(&mut self) -> Token<'a> {
        let rest = &self.source[self.at..];
        let bytes = rest.as_bytes();
        let letters = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        if letters == 0 {
            return self.symbol(rest);
        }
        let mut end = letters;
        let is_negative =
            bytes.get(end) == Some(&b'-') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        end += usize::from(is_negative);
        let mut number: Option<i32> = None;
        while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
            let value = number.unwrap_or(0).saturating_mul(10);
            number = Some(value.saturating_add(i32::from(digit - b'0')));
            end += 1;
        }
        if is_negative {
            number = number.map(|number| -number);
        }
        let has_delimiter = bytes.get(end) == Some(&b' ');
        self.at += end + usize::from(has_delimiter);
        Token::Word(&rest[..letters], number)
    }

    fn symbol(&mut self, rest: &'a str) -> Token<'a> {
        let Some(letter) = rest.chars().next() else {
            return Token::Cut;
        };
        self.at += letter.len_utf8();
        if letter != '\'' {
            return Token::Symbol(letter);
        }
        let digits = rest.as_bytes().get(1..3);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hexadecimal = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = digits.filter(is_hexadecimal);
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        self.at += if byte.is_some() { 2 } else { 0 };
        Token::Byte(byte)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = &self.source[self.at..];
            let first = *rest.as_bytes().first()?;
            match first {
                b'\r' | b'\n' | b'\0' => {
                    self.at += 1;
                    continue;
                }
                b'{' => {
                    self.at += 1;
                    return Some(Token::Open);
                }
                b'}' => {
                    self.at += 1;
                    return Some(Token::Close);
                }
                b'\\' => {
                    self.at += 1;
                    return Some(self.control());
                }
                _ => {}
            }
            let is_end = |byte: &u8| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | b'\0');
            let end = rest
                .as_bytes()
                .iter()
                .position(is_end)
                .unwrap_or(rest.len());
            self.at += end;
            return Some(Token::Text(&rest[..end]));
        }
    }
}
