//! Which inline styles are harmless.

/// Properties that colour, size and align text. None of them loads, hides, moves or covers anything.
const HARMLESS: [&str; 17] = [
    "background-color",
    "border-collapse",
    "color",
    "direction",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "margin-bottom",
    "margin-left",
    "margin-top",
    "padding-left",
    "text-align",
    "text-decoration",
    "unicode-bidi",
    "vertical-align",
    "white-space",
];

/// The harmless declarations of a `style` attribute; `None` where there are none.
pub(super) fn filter(style: &str) -> Option<String> {
    let mut harmless = String::with_capacity(style.len());
    for declaration in style.split(';') {
        let Some((name, value)) = declaration.split_once(':') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let known = HARMLESS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        if let Some(name) = known.filter(|_| is_plain(value)) {
            if !harmless.is_empty() {
                harmless.push(';');
            }
            harmless.push_str(name);
            harmless.push(':');
            harmless.push_str(value);
        }
    }
    (!harmless.is_empty()).then_some(harmless)
}

/// Words, numbers and colours. Brackets only as `rgb(...)`: no `url()`, no `expression()`, no escapes.
fn is_plain(value: &str) -> bool {
    let is_colour = |before: &str| {
        let word = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next();
        word.is_some_and(|word| {
            word.eq_ignore_ascii_case("rgb") || word.eq_ignore_ascii_case("rgba")
        })
    };
    let is_mark = |c| {
        matches!(
            c,
            ' ' | '#' | '%' | '.' | ',' | '-' | '\'' | '"' | ')' | '!'
        )
    };
    let is_harmless = |(at, c): (usize, char)| {
        c.is_alphanumeric() || is_mark(c) || (c == '(' && is_colour(&value[..at]))
    };
    value.len() <= 200 && value.char_indices().all(is_harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_styles_stay() {
        let style = "COLOR: rgb(1, 2, 3); font-family:'Segoe UI',sans-serif;margin-left:10pt";

        assert_eq!(
            filter(style).unwrap(),
            "color:rgb(1, 2, 3);font-family:'Segoe UI',sans-serif;margin-left:10pt"
        );
    }

    #[test]
    fn nothing_is_loaded_hidden_or_moved() {
        for style in [
            "background:url(http://x.test/a.png)",
            "color:expression(alert(1))",
            "background-color:u\\72l(x)",
            "position:fixed",
            "display:none",
            "color:red/**/url(x)",
        ] {
            assert_eq!(filter(style), None, "{style}");
        }
    }
}
