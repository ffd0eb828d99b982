//! A report as plain text, for narrow windows and fonts of one width.

use super::letter::{Balanced, Letter};
use crate::number;

/// Width of numbers: up to 999,999,999.
const NUMBER: usize = 11;

pub(super) fn of(letter: &Letter) -> String {
    let mut text = format!("{}\n\n", letter.title);
    let names = letter.facts.iter().map(|(name, _)| name.len());
    let width = names.max().unwrap_or(0);
    for (name, value) in &letter.facts {
        text.push_str(&format!("{name:<width$}  {value}\n"));
    }
    for equation in &letter.equations {
        text.push('\n');
        balance(&mut text, equation);
    }
    for list in &letter.lists {
        text.push_str(&format!("\n{}\n", list.title));
        for (reason, count) in &list.rows {
            text.push_str(&format!("{:>NUMBER$}  {reason}\n", number(*count)));
        }
    }
    if let Some(page) = &letter.page {
        text.push_str(&format!("\nAll of it: {page}\n"));
    }
    text
}

fn balance(text: &mut String, balanced: &Balanced) {
    let equation = &balanced.equation;
    let whole = number(equation.whole);
    text.push_str(&format!("  {whole:>NUMBER$}  {}\n", equation.name));
    for (position, (part, name)) in equation.parts.iter().enumerate() {
        let sign = if position == 0 { '=' } else { '+' };
        text.push_str(&format!("{sign} {:>NUMBER$}  {name}\n", number(*part)));
    }
    text.push_str(&format!("{}\n", balanced.verdict));
}
