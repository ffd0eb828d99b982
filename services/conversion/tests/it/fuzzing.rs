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

/// HTML as chat clients write it, now and then with something else in it.
fn any_simple_html() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        20 => "[a-zA-Z0-9 é日😀\\r\\n\\t\"'>;#=/-]{0,12}",
        10 => "(&amp;|&lt;|&gt;|&nbsp;|&quot;|&#39;|&apos;|& |\u{A0}|\u{85}|§){1,3}",
        1 => "(&|&am;|&eacute;|&lt|<|\0|\x1B|\u{FEFF}|<!--a-->|</br>|<li>|<td>|<img alt=x>|</p>|<p>|</div>|<b>){1,2}",
    ];
    let name = prop_oneof![
        40 => "(a|b|i|p|s|u|em|tt|big|div|DIV|sub|sup|Body|code|font|html|span|SPAN|small|center|strike|strong|blockquote)",
        1 => "(li|ul|td|pre|h1|nobr|b-x|b:x|svg|math|xmp|title|table|button|option|script|style|template)",
    ];
    let attribute = prop_oneof![
        8 => "[ \n]style=\"(color: ?red|COLOR:#ff0000;|font-size:10pt;position:fixed|display:none|é)\"",
        8 => "[ \t](id|class|dir|DIR|lang|title|color|face|size|onclick)=(x|\"a b\"|'c\\d'|#f-0)",
        4 => " href=\"(https://x.test/\\?a=1|HTTP://x|mailto:a@b.test| https://x.test )\"",
        1 => " (href|title)=(\"(javascript:x|//x|x|http://|http://256.256.256.256|data:text/html,x|<|&amp;)\"|'\"'|)",
        1 => "( hidden| /|/| =x|id=y| \\r\\n)",
    ];
    let attributes = prop::collection::vec(attribute, 0..3).prop_map(|all| all.concat());
    let leaf = prop_oneof![
        3 => text,
        1 => attributes.clone().prop_map(|attributes| format!("<br{attributes}>")),
        1 => Just("<br/>".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let content = prop::collection::vec(inner, 0..5).prop_map(|all| all.concat());
        let element = (name.clone(), attributes.clone(), content);
        element.prop_map(|(name, attributes, content)| {
            format!("<{name}{attributes}>{content}</{name}>")
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The entry compares both ways.
    #[test]
    fn simple_html_is_what_the_sanitizer_makes_of_it(html in prop::collection::vec(any_simple_html(), 1..4)) {
        fuzz::html(html.concat().as_bytes());
    }
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
