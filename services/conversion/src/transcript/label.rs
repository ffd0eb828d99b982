//! How participants are called in transcripts.

use std::collections::HashMap;

use chatkeep_model::{Conversation, Participant};

use super::pen::{Pen, To};

/// Longer names are cut in transcripts and headers; the JSON record has them whole.
const LONGEST_NAME: usize = 120;

/// A participant's name, ready to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Label {
    fn new(name: &str) -> Self {
        let mut pen = Pen::with_capacity(name.len());
        pen.words(name, To::Anchor);
        let turned = pen.text.len();
        pen.isolate_from(0);
        let html = if pen.text.len() == turned {
            pen.html
        } else {
            format!("<bdi>{}</bdi>", pen.html)
        };
        Self {
            text: pen.text,
            html,
        }
    }

    /// Somebody the source does not name.
    pub(crate) fn unknown() -> Self {
        Self::new("Unknown")
    }
}

/// One label per participant. Those who share a name are told apart by their address.
pub(crate) fn all(conversation: &Conversation) -> Vec<Label> {
    let names: Vec<_> = conversation.participants.iter().map(name).collect();
    let mut counts = HashMap::with_capacity(names.len());
    for name in &names {
        *counts.entry(name.as_str()).or_insert(0_u32) += 1;
    }
    let participants = names.iter().zip(&conversation.participants);
    let labels = participants.map(|(name, participant)| match counts.get(name.as_str()) {
        Some(1) | None => Label::new(name),
        Some(_) if participant.name.is_none() => Label::new(name),
        Some(_) => Label::new(&format!("{name} ({})", one_line(&participant.address))),
    });
    labels.collect()
}

/// The name to show: the source's, else the address.
pub(crate) fn name(participant: &Participant) -> String {
    let given = participant.name.as_deref().map(one_line);
    let given = given.filter(|name| !name.is_empty());
    let name = given.unwrap_or_else(|| one_line(&participant.address));
    if name.is_empty() {
        "Unknown".to_owned()
    } else {
        shortened(name, LONGEST_NAME)
    }
}

/// White space and line breaks become single spaces, other controls their pictures.
pub(crate) fn one_line(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    if is_plain && !text.contains("  ") && text.trim_ascii().len() == text.len() {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            match u8::try_from(letter) {
                Ok(control) if letter.is_ascii_control() => line.push(super::pen::picture(control)),
                _ if letter.is_control() => line.push(char::REPLACEMENT_CHARACTER),
                _ => line.push(letter),
            }
        }
    }
    line
}

fn is_space(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '\t' | '\r' | '\n' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// At most this many bytes, the cut marked.
pub(crate) fn shortened(text: String, longest: usize) -> String {
    if text.len() <= longest {
        return text;
    }
    let mut end = longest;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut text = text;
    text.truncate(end);
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_without_controls() {
        assert_eq!(
            one_line(" Ann\r\nBcc: eve@x\0  Example "),
            "Ann Bcc: eve@x␀ Example"
        );
    }

    #[test]
    fn right_to_left_names_are_isolated() {
        let label = Label::new("דנה");

        assert_eq!(label.text, "\u{2068}דנה\u{2069}");
        assert_eq!(label.html, "<bdi>דנה</bdi>");
    }
}
