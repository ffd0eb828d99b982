//! Finds web and mail addresses in what somebody typed.

use std::ops::Range;

/// Longer ones are not made clickable: the text stays, and a reader can still copy it.
const LONGEST: usize = 2_000;

/// The link around the colon at `colon`, as a range of `text`; `None` where there is none.
pub(crate) fn around(text: &str, colon: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let word = bytes[..colon].iter().rev().take(7);
    let letters = word.take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let start = colon - letters;
    let is_mail = match &bytes[start..colon] {
        scheme if scheme.eq_ignore_ascii_case(b"mailto") => true,
        scheme if scheme.eq_ignore_ascii_case(b"http") => false,
        scheme if scheme.eq_ignore_ascii_case(b"https") => false,
        _ => return None,
    };
    let rest = &text[colon + 1..];
    // What is longer is no link, so nobody looks for its end.
    let end = rest
        .char_indices()
        .find(|(at, letter)| *at > LONGEST || !belongs(*letter));
    let end = end.map_or(rest.len(), |(at, _)| at);
    if end > LONGEST {
        return None;
    }
    let target = trimmed(&rest[..end]);
    let is_link = if is_mail {
        target
            .bytes()
            .position(|byte| byte == b'@')
            .is_some_and(|at| at > 0)
    } else {
        target
            .strip_prefix("//")
            .is_some_and(|host| !host.is_empty())
    };
    let link = start..colon + 1 + target.len();
    is_link.then_some(link)
}

/// Whether a link may be clickable: of the three schemes that are.
pub(crate) fn is_safe(url: &str) -> bool {
    let starts = |scheme: &str| {
        let head = url.as_bytes().get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let is_known = starts("http://") || starts("https://") || starts("mailto:");
    is_known && url.len() <= LONGEST && url.chars().all(belongs)
}

fn belongs(letter: char) -> bool {
    let turns = matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    !(letter.is_whitespace() || letter.is_control() || "<>\"".contains(letter) || turns)
}

/// Without the punctuation that ends a sentence or a bracket around the link.
fn trimmed(target: &str) -> &str {
    let count = |bracket| target.bytes().filter(|byte| *byte == bracket).count();
    let mut surplus = count(b')').saturating_sub(count(b'('));
    let mut target = target;
    loop {
        target = target.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*']);
        match target.strip_suffix(')') {
            Some(inner) if surplus > 0 => target = inner,
            _ => return target,
        }
        surplus -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let colon = text.find(':')?;
        around(text, colon).map(|range| &text[range])
    }

    #[test]
    fn sentences_do_not_become_part_of_the_link() {
        assert_eq!(
            found("(see http://a.test/b_(c)).").unwrap(),
            "http://a.test/b_(c)"
        );
        assert_eq!(
            found("HTTPS://a.test:8443/x, y").unwrap(),
            "HTTPS://a.test:8443/x"
        );
        assert_eq!(found("mailto:ann@a.test!").unwrap(), "mailto:ann@a.test");
    }

    #[test]
    fn other_schemes_are_no_links() {
        for text in [
            "javascript:alert(1)",
            "xhttp://a",
            "http:",
            "http://",
            "mailto:",
            "a: b",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
