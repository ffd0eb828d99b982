use super::SqlError;

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or a name.
    Word(String),
    /// A name in brackets.
    Name(String),
    /// A whole number.
    Number(i64),
    /// Text in quotes.
    Text(String),
    /// `@P1` is 0.
    Parameter(usize),
    /// `=`, `<=` and the like.
    Symbol(&'static str),
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }
}

/// Two characters before those of one.
const SYMBOLS: [&str; 15] = [
    "<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ",", ".", "*", "+", "-", ";",
];

/// Splits a statement; comments are dropped.
pub(super) fn split(statement: &str) -> Result<Vec<Token>, SqlError> {
    let mut tokens = Vec::new();
    let mut rest = statement.trim_start();
    while !rest.is_empty() {
        let behind = if let Some(behind) = comment(rest) {
            behind
        } else {
            let (token, behind) = next(rest)?;
            tokens.push(token);
            behind
        };
        rest = behind.trim_start();
    }
    Ok(tokens)
}

fn comment(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("/*") {
        return Some(rest.split_once("*/").map_or("", |(_, rest)| rest));
    }
    let rest = text.strip_prefix("--")?;
    Some(rest.split_once('\n').map_or("", |(_, rest)| rest))
}

fn next(text: &str) -> Result<(Token, &str), SqlError> {
    if let Some(rest) = text.strip_prefix("N'").or_else(|| text.strip_prefix('\'')) {
        return quoted(rest);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (name, rest) = rest.split_once(']').ok_or_else(|| unknown(text))?;
        return Ok((Token::Name(name.to_owned()), rest));
    }
    if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol)) {
        return Ok((Token::Symbol(symbol), &text[symbol.len()..]));
    }
    let is_outside = |character: char| !character.is_alphanumeric() && !"_@#".contains(character);
    let (word, rest) = text.split_at(text.find(is_outside).unwrap_or(text.len()));
    if let Some(number) = word.strip_prefix("@P").or_else(|| word.strip_prefix("@p")) {
        let number: usize = number.parse().map_err(|_| unknown(word))?;
        let index = number.checked_sub(1).ok_or_else(|| unknown(word))?;
        return Ok((Token::Parameter(index), rest));
    }
    if word.starts_with(|first: char| first.is_ascii_digit()) {
        let number = word.parse().map_err(|_| unknown(word))?;
        return Ok((Token::Number(number), rest));
    }
    if word.is_empty() {
        return Err(unknown(text));
    }
    Ok((Token::Word(word.to_owned()), rest))
}

/// A text behind its first quote; two quotes in it are one.
fn quoted(text: &str) -> Result<(Token, &str), SqlError> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('\'').ok_or_else(|| unknown(text))?;
        value.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Ok((Token::Text(value), behind)),
        }
    }
}

fn unknown(text: &str) -> SqlError {
    SqlError::Unknown(text.chars().take(40).collect())
}
