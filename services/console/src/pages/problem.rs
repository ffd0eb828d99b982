//! Shown instead of a page.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::layout;

/// Says what is wrong.
pub(crate) fn page(status: StatusCode, message: &str) -> Markup {
    let title = status.canonical_reason().unwrap_or("Something is wrong");
    layout::page(title, &html! { p { (message) } })
}

/// There is no such page.
pub(crate) async fn not_found() -> (StatusCode, Markup) {
    let status = StatusCode::NOT_FOUND;
    (status, page(status, "There is no such page."))
}
