use chatkeep_model::{Body, Transcript};

use super::rtf;
use crate::eml::Sequence;

/// What a body says, without how it is written: equal for the same words as text, HTML and RTF.
pub(super) fn words(body: &Body) -> Sequence {
    let mut transcript = Transcript::default();
    match essence(&body.media_type) {
        "text/html" => transcript.html = Some(body.text.clone()),
        "text/rtf" | "application/rtf" => transcript.text = Some(rtf::text(&body.text)),
        _ => transcript.text = Some(body.text.clone()),
    }
    Sequence::of(&transcript, &[])
}

/// The media type of a body that says none, by its looks.
pub(super) fn looks_like(text: &str) -> &'static str {
    let text = text.trim_start();
    if text.starts_with("{\\rtf") {
        "text/rtf"
    } else if text.starts_with('<') {
        "text/html"
    } else {
        "text/plain"
    }
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(media_type: &str, text: &str) -> Sequence {
        words(&Body {
            media_type: media_type.to_owned(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn the_same_words_are_equal_however_they_are_written() {
        let plain = of("text/plain; charset=UTF-8", " see  you ");

        assert_eq!(of("text/rtf", r"{\rtf1\ansi see\~you\par}"), plain);
        assert_eq!(of("text/html", "<div><b>see</b> you</div>"), plain);
        assert_ne!(of("text/plain", "see me"), plain);
    }

    #[test]
    fn a_body_without_a_type_is_known_by_its_looks() {
        assert_eq!(looks_like(r" {\rtf1 a}"), "text/rtf");
        assert_eq!(looks_like("<DIV>a</DIV>"), "text/html");
        assert_eq!(looks_like("1 < 2"), "text/plain");
    }
}
