//! A report as HTML: tables, with styles in attributes, since Outlook for Windows lays mail out with Word,
//! which knows little of style sheets. Nothing is loaded from elsewhere.

use maud::{DOCTYPE, Markup, html};

use super::{
    Urgency,
    letter::{Balanced, Letter, List},
};
use crate::number;

const BODY: &str = "margin:0;padding:24px;background:#ffffff;color:#1f2328;\
    font-family:'Segoe UI',Arial,sans-serif;font-size:14px;line-height:20px";
const TABLE: &str = "border-collapse:collapse;margin:0 0 16px 0";
const NAME: &str = "padding:2px 16px 2px 0;color:#57606a;text-align:left;vertical-align:top;\
    font-weight:normal;white-space:nowrap";
const VALUE: &str = "padding:2px 0;vertical-align:top";
const NUMBER: &str = "padding:2px 12px 2px 0;text-align:right;white-space:nowrap";
const WHOLE: &str = "padding:2px 12px 4px 0;text-align:right;white-space:nowrap;font-weight:bold;\
    border-bottom:1px solid #8c959f";
const WHOLE_NAME: &str = "padding:2px 0 4px 0;font-weight:bold;border-bottom:1px solid #8c959f";
const HEADING: &str = "margin:16px 0 6px 0;font-size:16px;line-height:22px";

pub(super) fn of(letter: &Letter) -> String {
    let (colour, words) = match letter.urgency {
        Urgency::Well => ("#1a7f37", "All is well"),
        Urgency::Attention => ("#9a6700", "Attention"),
        Urgency::Problem => ("#cf222e", "Problem"),
    };
    let banner = format!("padding:6px 12px;background:{colour};color:#ffffff;font-weight:bold");
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (letter.title) } }
            body style=(BODY) {
                table role="presentation" style=(TABLE) { tr { td style=(banner) { (words) } } }
                h1 style="margin:0 0 12px 0;font-size:20px;line-height:26px" { (letter.title) }
                table style=(TABLE) {
                    @for (name, value) in &letter.facts {
                        tr { th scope="row" style=(NAME) { (name) } td style=(VALUE) { (value) } }
                    }
                }
                @for equation in &letter.equations { (balance(equation)) }
                @for one in &letter.lists { (list(one)) }
                @if let Some(page) = &letter.page { p { a href=(page) { "All of it" } } }
            }
        }
    };
    document.into_string()
}

fn balance(balanced: &Balanced) -> Markup {
    let equation = &balanced.equation;
    let colour = if balanced.is_open {
        "#cf222e"
    } else {
        "#1f2328"
    };
    html! {
        table style=(TABLE) {
            tr {
                td style=(WHOLE) { (number(equation.whole)) }
                td style=(WHOLE_NAME) { (equation.name) }
            }
            @for (part, name) in &equation.parts {
                tr { td style=(NUMBER) { (number(*part)) } td style=(VALUE) { (name) } }
            }
            tr { td colspan="2" style={ "padding:4px 0 0 0;color:" (colour) } { (balanced.verdict) } }
        }
    }
}

fn list(list: &List) -> Markup {
    html! {
        h2 style=(HEADING) { (list.title) }
        table style=(TABLE) {
            @for (reason, count) in &list.rows {
                tr { td style=(NUMBER) { (number(*count)) } td style=(VALUE) { (reason) } }
            }
        }
    }
}
