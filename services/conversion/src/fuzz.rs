//! Entry points for fuzzing and benches: bytes in, invariants checked by panicking.

use std::sync::LazyLock;

use crate::{
    body::{Sanitizer, html_text, rtf},
    transcript::pen::Pen,
};

/// RTF of any kind.
pub fn rtf(bytes: &[u8]) {
    let source = String::from_utf8_lossy(bytes);
    let mut pen = Pen::default();
    rtf::write(&source, &mut pen);
    assert!(!pen.html.contains("<script") && !pen.text.contains('\0'));
}

/// HTML of any kind: the short way for simple HTML gives what the sanitizer gives.
pub fn html(bytes: &[u8]) {
    static SANITIZER: LazyLock<Sanitizer> = LazyLock::new(Sanitizer::new);

    let source = String::from_utf8_lossy(bytes);
    let mut pen = Pen::default();
    let mut clean = String::new();
    let kept = SANITIZER.write(&source, None, &mut clean);
    let mut parsed = String::new();
    assert!(kept == SANITIZER.write_parsed(&source, None, &mut parsed) && clean == parsed);
    html_text::write(&clean, &mut pen);
    assert!(!clean.contains("<script") && !clean.contains('\0'));
}

/// The HTML parser and allow list alone; returns the size of what comes out.
pub fn sanitize(source: &str, sanitizer: &Sanitizer) -> usize {
    sanitizer.clean(source).len()
}
