//! Fields as a form shows them.

use maud::{Markup, html};
use toml::Table;

use super::{
    catalog::Type,
    field::{Field, Kind, Rank},
    problems::Problems,
};
use crate::pages::form::Fields;

/// The name of a field in a form.
pub(super) fn name(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        return key.to_owned();
    }
    format!("{prefix}.{key}")
}

/// Makes the answers of a form part of a table.
pub(super) fn read(
    all: &[Field],
    table: &mut Table,
    prefix: &str,
    fields: &Fields,
    problems: &mut Problems,
) {
    for field in all {
        let name = name(prefix, field.key);
        // What is not ticked is not sent.
        if !fields.has(&name) && !matches!(field.kind, Kind::Flag | Kind::Part) {
            continue;
        }
        if let Some(problem) = field.put(table, fields.get(&name)) {
            problems.add(name, problem);
        }
    }
}

/// Every field of a table; those that are seldom touched in a part of their own.
pub(super) fn show(all: &[Field], table: &Table, prefix: &str, problems: &Problems) -> Markup {
    let one = |field: &Field| input(field, table, &name(prefix, field.key), problems);
    let is_seldom = |field: &&Field| field.rank == Rank::Advanced;
    let is_open = |field: &Field| {
        let is_wrong = problems.of(&name(prefix, field.key)).is_some();
        let value = field.get(table);
        let is_set = !value.is_empty() && value != field.default;
        is_seldom(&field) && (is_wrong || is_set)
    };
    html! {
        @for field in all.iter().filter(|field| !is_seldom(field)) { (one(field)) }
        @if all.iter().any(|field| is_seldom(&field)) {
            details open[all.iter().any(is_open)] {
                summary { "More settings" }
                @for field in all.iter().filter(is_seldom) { (one(field)) }
            }
        }
    }
}

fn input(field: &Field, table: &Table, name: &str, problems: &Problems) -> Markup {
    let value = field.get(table);
    let problem = problems.of(name);
    let help = format!("{name}-help");
    let wrong = format!("{name}-wrong");
    let described = match (field.help.is_empty(), problem) {
        (true, None) => None,
        (true, Some(_)) => Some(wrong.clone()),
        (false, None) => Some(help.clone()),
        (false, Some(_)) => Some(format!("{wrong} {help}")),
    };
    let is_wrong = problem.is_some().then_some("true");
    html! {
        div.field {
            @if let Kind::Flag | Kind::Part = field.kind {
                @let is_set = if value.is_empty() { field.default == "true" } else { value == "true" };
                label { input type="checkbox" name=(name) value="true" checked[is_set] aria-describedby=[described.as_deref()]; (field.label) }
            } @else {
                label for=(name) { (field.label) @if field.rank != Rank::Required { span.faint { " (optional)" } } }
            }
            @if !field.help.is_empty() { p.help id=(help) { (field.help) } }
            @if let Kind::Secret = field.kind {
                p.help { a href="/secrets" target="_blank" rel="noopener" { "Secrets kept here" span.unseen { " (opens in a new tab)" } } }
            }
            @match field.kind {
                Kind::Flag | Kind::Part => {},
                Kind::Choice(choices) => select id=(name) name=(name) aria-describedby=[described] {
                    @let chosen = if value.is_empty() { field.default } else { &value };
                    @for (choice, words) in choices { option value=(choice) selected[*choice == chosen] { (words) } }
                },
                Kind::List | Kind::Rules => textarea.code id=(name) name=(name) rows="3" spellcheck="false" placeholder=(field.default)
                    aria-invalid=[is_wrong] aria-describedby=[described] { (value) },
                kind => input id=(name) name=(name) type=(input_type(kind)) value=(value) placeholder=(field.default) autocomplete="off"
                    spellcheck="false" aria-invalid=[is_wrong] aria-describedby=[described];,
            }
            @if let Some(problem) = problem { p.error id=(wrong) { (problem) } }
        }
    }
}

/// Numbers stay texts: what is wrong with them is said by the server, in words.
fn input_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Day => "date",
        _ => "text",
    }
}

/// A choice between types; the chosen one's fields follow.
pub(super) fn types(types: &[Type], table: &Table, prefix: &str, legend: &str) -> Markup {
    let chosen = Type::of(types, table).name;
    html! {
        fieldset {
            legend { (legend) }
            div.choices {
                @for one in types {
                    label {
                        input type="radio" name={ (prefix) ".choice" } value=(one.name) checked[one.name == chosen] data-sends="change";
                        span { b { (one.title) } span { (one.about) } }
                    }
                }
            }
            button #change.small type="submit" name="go" value="stay" { "Show what it needs" }
        }
    }
}
