//! RTF as Lync writes it, in one pass to text and HTML. Knows what chat needs; whatever else there is,
//! its visible text stays.

mod charset;
mod output;
mod reader;
mod token;
mod words;

use crate::transcript::pen::{Pen, To};

/// Writes the visible text into both alternatives. False where something could not be shown (a picture,
/// an object, or mark-up that ends in the middle): then the source must be kept.
pub(crate) fn write(rtf: &str, pen: &mut Pen) -> bool {
    let trimmed = rtf.trim_start_matches(['\u{FEFF}', ' ', '\r', '\n', '\t', '\0']);
    if !trimmed.starts_with("{\\rtf") {
        // Clients have been seen to label plain text as RTF.
        pen.words(rtf, To::Both);
        return true;
    }
    reader::Reader::new(trimmed, pen).read()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(rtf: &str) -> (String, String, bool) {
        let mut pen = Pen::default();
        let is_complete = write(rtf, &mut pen);
        (pen.text, pen.html, is_complete)
    }

    fn text(rtf: &str) -> String {
        both(rtf).0
    }

    #[test]
    fn a_real_message_of_a_desktop_client() {
        let rtf = r"{\rtf1\fbidis\ansi\ansicpg1251\deff0\nouicompat\deflang1049{\fonttbl{\f0\fnil Segoe UI;}{\f1\fnil\fcharset204 Segoe UI;}{\f2\fnil\fcharset0 Segoe UI;}}
{\colortbl ;\red0\green0\blue0;\red0\green0\blue255;}
{\*\generator Riched20 15.0.5013}{\*\mmathPr\mwrapIndent1440 }\viewkind4\uc1
\pard\cf1\protect\outl\f0\fs20 /call {\cf0{\field{\*\fldinst{HYPERLINK a@b.name }}{\fldrslt{a@b.name\ul0\cf0}}}}\f1\fs20  \f2\lang1033  \protect0\outl0\f1\lang1049  \f0\par
{\*\lyncflags<rtf=1>}}";

        let (text, html, is_complete) = both(rtf);

        assert_eq!(text.trim_end(), "/call a@b.name");
        assert_eq!(html.trim_end(), "/call a@b.name");
        assert!(is_complete);
    }

    #[test]
    fn code_pages_of_document_and_fonts() {
        let rtf = r"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 A;}{\f1\fcharset177 B;}{\f2\fcharset128 C;}}\f0\'ef\'f0\'e8 \f1\'f9\'ec \f2\'93\'fa\'96\'7b{ \f0\'ef}}";

        assert_eq!(
            text(rtf),
            "\u{43F}\u{440}\u{438} \u{5E9}\u{5DC} \u{65E5}\u{672C} \u{43F}"
        );
    }

    #[test]
    fn unicode_with_skipped_fallback_and_surrogates() {
        let rtf = r"{\rtf1\ansi\uc1 a\u8235?b\u-10179?\u-8704?c\uc2\u8364\'80\'80d\uc0\u233 e}";

        assert_eq!(text(rtf), "a\u{202B}b\u{1F600}c€dée");
    }

    #[test]
    fn links_styles_and_colours() {
        let rtf = r#"{\rtf1\ansi{\colortbl;\red255\green0\blue0;}\b bold\b0  {\i it\cf1 red} {\field{\*\fldinst{HYPERLINK "https://x.test/?a=1&b"}}{\fldrslt here}}\par next}"#;

        let (text, html, _) = both(rtf);

        assert_eq!(text, "bold it\u{72}ed here <https://x.test/?a=1&b>\r\nnext");
        assert_eq!(
            html,
            "<b>bold</b> <i>it</i><span style=\"color:#ff0000\"><i>red</i></span> \
             <a href=\"https://x.test/?a=1&amp;b\">here</a><br>next"
        );
    }

    #[test]
    fn scripts_as_link_targets_are_not_clickable() {
        let rtf = r#"{\rtf1{\field{\*\fldinst{HYPERLINK "javascript:alert(1)"}}{\fldrslt here}}}"#;

        let (text, html, _) = both(rtf);

        assert_eq!(text, "here <javascript:alert(1)>");
        assert_eq!(html, "here &lt;javascript:alert(1)&gt;");
    }

    #[test]
    fn pictures_are_named_and_the_source_is_kept() {
        let (text, _, is_complete) = both(r"{\rtf1 a{\pict\pngblip 89504e47}b}");

        assert_eq!(text, "a[picture]b");
        assert!(!is_complete);
    }

    #[test]
    fn broken_off_mark_up_shows_what_is_there_and_is_kept() {
        for (rtf, shown) in [
            (r"{\rtf1 hello", "hello"),
            (r"{\rtf1 {\fonttbl{\f0 hel", ""),
            (r"{\rtf1 hello}} more", "hello more"),
            (r"{\rtf1 a\", "a"),
            (r"{\rtf1 a\'e", "ae"),
            (r"{\rtf1 a\u", "a"),
        ] {
            let (text, _, is_complete) = both(rtf);

            assert_eq!(text, shown, "{rtf}");
            assert!(!is_complete, "{rtf}");
        }
    }

    #[test]
    fn deep_nesting_is_bounded() {
        let depth = 100_000;
        let rtf = format!("{{\\rtf1 {}x{}}}", "{\\b ".repeat(depth), "}".repeat(depth));

        assert_eq!(text(&rtf), "x");
    }

    #[test]
    fn plain_text_with_a_wrong_label_stays() {
        assert_eq!(text(r"C:\temp {x}"), r"C:\temp {x}");
    }

    #[test]
    fn symbols_and_white_space() {
        let rtf = "{\\rtf1 a\\~b\\-c\\_d\\tab e\\line\r\nf\\\\\\{\\}\\emdash g\\par\\par}";

        assert_eq!(text(rtf), "a\u{A0}b\u{AD}c\u{2011}d\te\r\nf\\{}\u{2014}g");
    }
}
