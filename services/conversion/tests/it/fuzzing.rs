//! Input that nobody sane would write.

use chatkeep_conversion::fuzz;
use chatkeep_model::What;
use proptest::prelude::*;

use crate::{
    builder::{body, event, render, with},
    mail,
};

fn shown(rtf: &str) -> String {
    let message = render(&with(vec![event(0, 0, What::Said(body("text/rtf", rtf)))]));
    mail::text(&mail::parse(message.as_bytes()))
}

/// Well-formed RTF and its visible letters.
fn any_rtf() -> impl Strategy<Value = (String, String)> {
    let piece = prop_oneof![
        "[a-zA-Z0-9]{1,20}".prop_map(|text| (text.clone(), text)),
        "[a-z]{1,5}".prop_map(|text| (format!("{{\\b {text}}}"), text)),
        "[a-z]{1,5}".prop_map(|text| (format!("\\par\\f1\\cf2\\ul {text}\\ul0 "), text)),
        "[a-z]{1,5}".prop_map(|text| (format!("{{\\*\\generator {text};}}"), String::new())),
        "[a-z]".prop_map(|text| (
            format!("\\u{}?", u32::from(text.chars().next().unwrap())),
            text
        )),
        "[a-z]{1,5}".prop_map(|text| {
            (
                format!("{{\\field{{\\*\\fldinst HYPERLINK \"{text}\"}}{{\\fldrslt {text}}}}}"),
                text,
            )
        }),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| {
        let source: String = pieces.iter().map(|(source, _)| source.as_str()).collect();
        let visible = pieces.into_iter().map(|(_, visible)| visible).collect();
        (
            format!(
                "{{\\rtf1\\ansi{{\\fonttbl{{\\f0 Arial;}}{{\\f1\\fcharset204 X;}}}} {source}}}"
            ),
            visible,
        )
    })
}

proptest! {
    #[test]
    fn visible_letters_of_rtf_stay((rtf, visible) in any_rtf()) {
        let shown = mail::letters(&shown(&rtf));
        prop_assert!(shown.contains(&visible), "{} in {}", visible, shown);
    }

    #[test]
    fn no_bytes_upset_the_rtf_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::rtf(&bytes);
        fuzz::rtf(&[b"{\\rtf1 ", bytes.as_slice()].concat());
    }

    #[test]
    fn no_control_words_upset_the_rtf_reader(
        rtf in "(\\{|\\}|\\\\|\\\\u-?[0-9]{1,6}|\\\\uc[0-9]|\\\\'[0-9a-f]{2}|\\\\fonttbl|\\\\f1|\\\\fcharset128|\\\\field|\\\\fldinst|\\\\fldrslt|\\\\pict|\\\\bin[0-9]|\\\\\\*|HYPERLINK http://x|é|a| |;){0,60}"
    ) {
        fuzz::rtf(format!("{{\\rtf1{rtf}").as_bytes());
    }

    #[test]
    fn no_html_becomes_unsafe(
        html in "(<|>|/|\"|'|=| |a|<a href=|javascript:|<img src=|http://x|onerror=|<svg|<math|<style>|<!--|-->|<table>|<td>|<script>|</|style=|url\\(|&lt;|&#106;|\0){0,40}"
    ) {
        fuzz::html(html.as_bytes());
        let message = render(&with(vec![event(0, 0, What::Said(body("text/html", &html)))]));
        mail::text_of_html(&mail::html(&mail::parse(message.as_bytes())));
    }
}

/// Shapes that cost a quadratic parser minutes; here they take milliseconds, or the test hangs.
#[test]
fn hostile_shapes_take_linear_time() {
    let size = 100_000;
    let html = |open: &str| open.repeat(size / open.len());
    for source in [
        html("<div>"),
        html("<a><p>"),
        html("<b><i>"),
        html("<table><td>"),
        html("<select><option>"),
        html("<p><li><td><dd>"),
        html("</p>"),
        html("<!--"),
        html("&"),
        html("<a href=\"x"),
        html("<font color=red><p>"),
        html("<svg><title>"),
    ] {
        fuzz::html(source.as_bytes());
    }
    for source in [
        "{".repeat(size),
        "\\u8364?".repeat(size / 7),
        "{\\fonttbl".to_owned() + &"\\f1\\fcharset204".repeat(size / 15),
        "{\\field{\\*\\fldinst HYPERLINK http://x}".repeat(size / 40),
        "\\'93".repeat(size / 4),
        "{\\f1\\fcharset128 \\'93a".repeat(size / 20),
        "\\par ".repeat(size / 5),
        "{\\fonttbl{\\f1\\fcharset128 X;}}\\f1 ".to_owned() + &"\\'93a".repeat(size / 5),
    ] {
        fuzz::rtf(format!("{{\\rtf1 {source}").as_bytes());
    }
    let links = "http:".repeat(size / 5);
    for text in [
        links.as_str(),
        &"(".repeat(size),
        &"http://x((((".repeat(size / 12),
    ] {
        render(&with(vec![event(
            0,
            0,
            What::Said(body("text/plain", text)),
        )]));
    }
}
