//! Answers as trees of elements, and text in requests.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    escape::{escape, resolve_predefined_entity, unescape},
    events::{BytesRef, BytesStart, Event},
};

/// The answers we read nest some ten deep.
const DEEPEST: usize = 64;

/// An element of an answer, by its name without prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a document; `None` where it is none, or has a document type.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) if open.len() < DEEPEST => open.push(Self::of(&tag)?),
                Event::Start(_) | Event::DocType(_) => return None,
                Event::Empty(tag) => open.last_mut()?.children.push(Self::of(&tag)?),
                Event::End(_) => {
                    let closed = open.pop()?;
                    open.last_mut()?.children.push(closed);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::CData(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    open.last_mut()?.text.push_str(&resolved(&reference)?);
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        let mut document = open.pop()?;
        (open.is_empty() && document.children.len() == 1).then(|| document.children.remove(0))
    }

    fn of(tag: &BytesStart<'_>) -> Option<Self> {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let name = attribute.key.local_name().as_ref().to_owned();
            attributes.push((name, unescape(&attribute.value).ok()?.into_owned()));
        }
        Some(Self {
            name: tag.local_name().as_ref().to_owned(),
            attributes,
            ..Self::default()
        })
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// What a path of names leads to, each the first of its name.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |element, name| element.child(name))
    }

    /// The text at the end of a path.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.trim())
    }

    /// The first element of this name at any depth, itself too.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(attribute, _)| attribute == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What a reference stands for. Exchange refers to characters that XML does not allow where a message
/// has them.
fn resolved(reference: &BytesRef<'_>) -> Option<Cow<'static, str>> {
    if let Some(text) = resolve_predefined_entity(reference) {
        return Some(Cow::Borrowed(text));
    }
    reference.starts_with('#').then(|| {
        let character = reference.resolve_char_ref().ok().flatten();
        Cow::Owned(character.unwrap_or(char::REPLACEMENT_CHARACTER).to_string())
    })
}

/// Text as it stands between tags and in attributes; characters that XML 1.0 does not allow are left out.
pub(super) fn text(text: &str) -> String {
    let is_allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let allowed: String = text.chars().filter(is_allowed).collect();
    escape(allowed.as_str()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_it_went() {
        let said = "a < b & \"c\" 'd' \u{1F600} ü";

        let element = Element::parse(format!("<x>{}</x>", text(said)).as_bytes()).unwrap();

        assert_eq!(element.text, said);
        assert_eq!(text("a\0b\u{1}c"), "abc");
    }

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let xml = "\u{feff}<?xml version=\"1.0\"?><s:E xmlns:s=\"x\"><m:A k=\"1 &amp; 2\"><B>t</B><B/></m:A></s:E>";

        let element = Element::parse(xml.as_bytes()).unwrap();

        assert_eq!(element.text_at(&["A", "B"]), Some("t"));
        assert_eq!(element.at(&["A"]).unwrap().attribute("k"), Some("1 & 2"));
        assert_eq!(element.find("B").unwrap().text, "t");
    }

    #[test]
    fn characters_that_xml_does_not_allow_do_not_spoil_an_answer() {
        let element = Element::parse(b"<x>a&#x0;b&#x41;</x>").unwrap();

        assert_eq!(element.text, "a\u{fffd}bA");
    }

    #[test]
    fn what_is_no_document_or_has_a_document_type_is_none() {
        for bytes in [
            &b"<html"[..],
            b"",
            b"<a></b>",
            b"<!DOCTYPE a><a/>",
            b"<a>&evil;</a>",
            b"<a/><b/>",
        ] {
            assert_eq!(Element::parse(bytes), None);
        }
    }
}
