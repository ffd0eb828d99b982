//! Bounds the work of the HTML parser, which is quadratic in the depth of open elements, and of its
//! serializer, which is quadratic in a text with many characters to escape.

use memchr::{memchr, memchr2_iter};

/// Real mark-up does not come near; the parser still takes this in its stride.
const DEEPEST: usize = 400;

/// Texts shorter than this cost little whatever they are.
pub(super) const SHORT: usize = 4_096;
/// Bytes the serializer may look at again; about a tenth of a second.
const MOST_WORK: usize = 3_000_000_000;

/// Longer names are cut: they differ before.
const LONGEST_NAME: usize = 12;

/// Elements that may be open, by name: an end tag closes none of another name.
#[derive(Default)]
struct Open<'h> {
    names: Vec<(&'h [u8], usize)>,
    depth: usize,
}

/// True where parsing would cost more than any real document does.
pub(super) fn is_too_costly(html: &str) -> bool {
    let mut open = Open::default();
    let mut rest = html.as_bytes();
    let mut work = 0;
    while let Some(at) = memchr(b'<', rest) {
        work += escaping(&rest[..at]);
        rest = &rest[at + 1..];
        let is_end = rest.first() == Some(&b'/');
        let name = name(&rest[usize::from(is_end)..]);
        if name.is_empty() || is_flat(name) {
            continue;
        }
        if is_end {
            open.end(name);
        } else {
            open.start(name);
        }
        if open.depth > DEEPEST || work > MOST_WORK {
            return true;
        }
    }
    work + escaping(rest) > MOST_WORK
}

/// Work of escaping a text: from each `&` and each byte that may begin a no-break space, the serializer
/// looks for `<` to the end of the text.
fn escaping(text: &[u8]) -> usize {
    if text.len() < SHORT {
        return 0;
    }
    text.len() * memchr2_iter(b'&', 0xC2, text).count()
}

fn name(tag: &[u8]) -> &[u8] {
    let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric();
    &tag[..tag.iter().take(LONGEST_NAME).take_while(is_letter).count()]
}

/// Elements that are never open, or that a new one of their kind always ends.
fn is_flat(name: &[u8]) -> bool {
    let mut lower = [0; LONGEST_NAME];
    let lower = &mut lower[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    #[rustfmt::skip]
    let is_flat = matches!(
        &*lower,
        b"area" | b"base" | b"br" | b"col" | b"embed" | b"hr" | b"img" | b"input" | b"link" | b"meta"
            | b"option" | b"p" | b"param" | b"source" | b"tbody" | b"td" | b"th" | b"tr" | b"track" | b"wbr"
    );
    is_flat
}

impl<'h> Open<'h> {
    fn start(&mut self, name: &'h [u8]) {
        self.depth += 1;
        match self.find(name) {
            Some(at) => self.names[at].1 += 1,
            None => self.names.push((name, 1)),
        }
    }

    fn end(&mut self, name: &[u8]) {
        if let Some(at) = self.find(name) {
            self.depth -= 1;
            self.names[at].1 -= 1;
            if self.names[at].1 == 0 {
                self.names.swap_remove(at);
            }
        }
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        self.names
            .iter()
            .position(|(open, _)| open.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_documents_are_not_costly_but_deep_ones_are() {
        assert!(!is_too_costly(&"<p>a<br><b>c</b>".repeat(10_000)));
        assert!(is_too_costly(&"<div>".repeat(10_000)));
        assert!(is_too_costly(&"<b></i></p>".repeat(10_000)));
        assert!(is_too_costly(&"<li><dd>".repeat(10_000)));
        assert!(is_too_costly(&"&".repeat(100_000)));
        assert!(!is_too_costly(&"&nbsp;".repeat(8_000)));
        assert!(!is_too_costly(&"<UL><Li>a</lI></ul>".repeat(10_000)));
    }
}
