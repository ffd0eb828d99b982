//! Bounds the work of the HTML parser, which is quadratic in the depth of open elements.

use memchr::memchr;

/// Real mark-up does not come near; the parser still takes this in its stride.
const DEEPEST: usize = 400;

/// Elements without content, and those whose end tag people leave out: they do not nest by themselves.
const FLAT: [&[u8]; 24] = [
    b"area", b"base", b"br", b"col", b"dd", b"dt", b"embed", b"hr", b"img", b"input", b"li",
    b"link", b"meta", b"option", b"p", b"param", b"source", b"tbody", b"td", b"th", b"thead",
    b"tr", b"track", b"wbr",
];

/// True where elements may be open deeper than any real document has them.
pub(super) fn is_too_deep(html: &str) -> bool {
    let bytes = html.as_bytes();
    let mut depth = 0_usize;
    let mut rest = bytes;
    while let Some(at) = memchr(b'<', rest) {
        rest = &rest[at + 1..];
        match rest.first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(first) if first.is_ascii_alphabetic() => {
                let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric();
                let length = rest.iter().take(12).take_while(is_letter).count();
                if !is_flat(&rest[..length]) {
                    depth += 1;
                }
            }
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

fn is_flat(name: &[u8]) -> bool {
    FLAT.iter().any(|flat| flat.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_documents_are_not_deep() {
        assert!(!is_too_deep(&"<p>a<br><b>c</b>".repeat(10_000)));
        assert!(is_too_deep(&"<div>".repeat(10_000)));
    }
}
