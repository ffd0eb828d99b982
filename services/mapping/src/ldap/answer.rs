//! What may be handed to the LDAP library: it stops the process, or quotes what it was reading, where a server
//! sends what is no LDAP (RFC 4511). Pure.

/// The largest message, bytes: a user with all values that a server hands out at once has a few hundred
/// thousand.
pub(super) const LARGEST: usize = 16 << 20;
/// All messages of one answer, bytes: the largest page is far below.
const LARGEST_ANSWER: usize = 256 << 20;
/// Elements within elements. An entry has six levels.
const DEEPEST: u8 = 12;

// Tags of RFC 4511, as the first byte of an element (X.690, 8.1.2).
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTROLS: u8 = 0xa0;
const BOUND: u8 = 0x61;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const REFERENCE: u8 = 0x73;
const EXTENDED: u8 = 0x78;
const REFERRAL: u8 = 0xa3;
const SASL: u8 = 0x87;
const NAME: u8 = 0x8a;
const VALUE: u8 = 0x8b;

/// Says where a page ends (RFC 2696).
const PAGED: &[u8] = b"1.2.840.113556.1.4.319";

/// A server sent something that is no answer of LDAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What was asked last. Requests follow each other: nothing is asked before the answer is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    id: u32,
    is_search: bool,
    /// Bytes of the answer so far.
    answered: usize,
}

/// How long the message is that begins here, with its head; `None` where its head is not complete.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    match bytes.first() {
        None => return Ok(None),
        Some(&SEQUENCE) => {}
        Some(_) => return Err(Malformed),
    }
    let Some((head, content)) = head(bytes)? else {
        return Ok(None);
    };
    Ok(Some(head + content))
}

/// Lengths of an element's head and content; `None` where the head is not complete. Only the definite form
/// is LDAP's (RFC 4511, 5.1).
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let Some(&first) = bytes.get(1) else {
        return Ok(None);
    };
    if first < 0x80 {
        return Ok(Some((2, usize::from(first))));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Err(Malformed);
    }
    let Some(octets) = bytes.get(2..2 + count) else {
        return Ok(None);
    };
    let content = octets
        .iter()
        .fold(0, |length, &octet| length << 8 | usize::from(octet));
    if content > LARGEST {
        return Err(Malformed);
    }
    Ok(Some((2 + count, content)))
}

impl Asked {
    /// What a request asks. It is our own.
    pub(super) fn of(request: &[u8]) -> Result<Self, Malformed> {
        let (id, operation, _) = message(request)?;
        Ok(Self {
            id,
            is_search: operation.tag == SEARCH,
            answered: 0,
        })
    }

    /// The request for TLS: the first one of a connection.
    pub(super) fn starttls() -> Self {
        Self {
            id: 1,
            is_search: false,
            answered: 0,
        }
    }

    /// Whether a whole message is an answer to what was asked, or the announcement that the connection ends
    /// (RFC 4511, 4.4.1).
    pub(super) fn check(&mut self, answer: &[u8]) -> Result<(), Malformed> {
        self.answered += answer.len();
        if self.answered > LARGEST_ANSWER {
            return Err(Malformed);
        }
        let (id, operation, rest) = message(answer)?;
        let is_expected = match operation.tag {
            EXTENDED => id == 0 || (id == self.id && !self.is_search),
            BOUND => id == self.id && !self.is_search,
            ENTRY | DONE | REFERENCE => id == self.id && self.is_search,
            _ => false,
        };
        if !is_expected {
            return Err(Malformed);
        }
        match operation.tag {
            ENTRY => entry(operation.content)?,
            REFERENCE => texts(operation.content)?,
            _ => result(operation.content)?,
        }
        trailer(rest)
    }
}

/// The result code of an answer that was checked.
pub(super) fn code(answer: &[u8]) -> Result<u32, Malformed> {
    let (_, operation, _) = message(answer)?;
    let mut content = operation.content;
    number(take(&mut content, ENUMERATED)?)
}

#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// Id and operation of a message, and what follows. Nothing in it is nested too deeply.
fn message(bytes: &[u8]) -> Result<(u32, Element<'_>, &[u8]), Malformed> {
    let mut rest = bytes;
    let mut rest = take(&mut rest, SEQUENCE).and_then(|content| match rest {
        [] => Ok(content),
        _ => Err(Malformed),
    })?;
    well_formed(rest, DEEPEST)?;
    let id = number(take(&mut rest, INTEGER)?)?;
    Ok((id, next(&mut rest)?, rest))
}

fn well_formed(mut bytes: &[u8], levels: u8) -> Result<(), Malformed> {
    let levels = levels.checked_sub(1).ok_or(Malformed)?;
    while !bytes.is_empty() {
        let element = next(&mut bytes)?;
        // Bit 6: it is made of elements (X.690, 8.1.2.5).
        if element.tag & 0x20 != 0 {
            well_formed(element.content, levels)?;
        }
    }
    Ok(())
}

fn next<'a>(bytes: &mut &'a [u8]) -> Result<Element<'a>, Malformed> {
    let tag = *bytes.first().ok_or(Malformed)?;
    // Tags of more than one byte: LDAP has none.
    if tag & 0x1f == 0x1f {
        return Err(Malformed);
    }
    let (head, content) = head(bytes)?.ok_or(Malformed)?;
    let element = bytes.get(..head + content).ok_or(Malformed)?;
    *bytes = &bytes[head + content..];
    Ok(Element {
        tag,
        content: &element[head..],
    })
}

fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Result<&'a [u8], Malformed> {
    let element = next(bytes)?;
    (element.tag == tag)
        .then_some(element.content)
        .ok_or(Malformed)
}

fn text(bytes: &mut &[u8]) -> Result<(), Malformed> {
    let text = take(bytes, OCTETS)?;
    std::str::from_utf8(text).map(drop).map_err(|_| Malformed)
}

fn texts(mut bytes: &[u8]) -> Result<(), Malformed> {
    while !bytes.is_empty() {
        text(&mut bytes)?;
    }
    Ok(())
}

fn number(octets: &[u8]) -> Result<u32, Malformed> {
    if !(1..=4).contains(&octets.len()) {
        return Err(Malformed);
    }
    let number = octets
        .iter()
        .fold(0, |number, &octet| number << 8 | u32::from(octet));
    Ok(number)
}

/// `SearchResultEntry` (RFC 4511, 4.5.2).
fn entry(mut bytes: &[u8]) -> Result<(), Malformed> {
    text(&mut bytes)?;
    let mut attributes = take(&mut bytes, SEQUENCE)?;
    while !attributes.is_empty() {
        let mut attribute = take(&mut attributes, SEQUENCE)?;
        text(&mut attribute)?;
        let mut values = take(&mut attribute, SET)?;
        while !values.is_empty() {
            take(&mut values, OCTETS)?;
        }
    }
    Ok(())
}

/// `LDAPResult` with what answers to sign-ins and extended requests have beside it (4.1.9, 4.2.2, 4.12).
fn result(mut bytes: &[u8]) -> Result<(), Malformed> {
    number(take(&mut bytes, ENUMERATED)?)?;
    text(&mut bytes)?;
    text(&mut bytes)?;
    while !bytes.is_empty() {
        let element = next(&mut bytes)?;
        match element.tag {
            REFERRAL => texts(element.content)?,
            NAME => {
                std::str::from_utf8(element.content).map_err(|_| Malformed)?;
            }
            SASL | VALUE => {}
            _ => return Err(Malformed),
        }
    }
    Ok(())
}

/// Controls (4.1.11). Active Directory puts the name of its announcement here that the connection ends.
fn trailer(mut bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.is_empty() {
        return Ok(());
    }
    let element = next(&mut bytes)?;
    if !bytes.is_empty() {
        return Err(Malformed);
    }
    match element.tag {
        NAME => Ok(()),
        CONTROLS => controls(element.content),
        _ => Err(Malformed),
    }
}

fn controls(mut bytes: &[u8]) -> Result<(), Malformed> {
    while !bytes.is_empty() {
        let mut control = take(&mut bytes, SEQUENCE)?;
        let kind = take(&mut control, OCTETS)?;
        std::str::from_utf8(kind).map_err(|_| Malformed)?;
        let mut value = None;
        if control.first() == Some(&BOOLEAN) && take(&mut control, BOOLEAN)?.len() != 1 {
            return Err(Malformed);
        }
        if !control.is_empty() {
            value = Some(take(&mut control, OCTETS)?);
        }
        if !control.is_empty() {
            return Err(Malformed);
        }
        if kind == PAGED {
            page(value.ok_or(Malformed)?)?;
        }
    }
    Ok(())
}

/// `realSearchControlValue` (RFC 2696, 2). Its elements are within a text, where nobody has looked yet; the
/// library reads all of them, also those behind the cookie.
fn page(mut bytes: &[u8]) -> Result<(), Malformed> {
    well_formed(bytes, DEEPEST)?;
    let mut page = take(&mut bytes, SEQUENCE)?;
    number(take(&mut page, INTEGER)?)?;
    take(&mut page, OCTETS).map(drop)
}

#[cfg(test)]
mod tests;
