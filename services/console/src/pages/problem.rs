//! Shown instead of a page.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::layout::{self, Page};

/// Says what is wrong, and what can be done.
pub(crate) fn page(status: StatusCode, message: &str) -> Markup {
    let title = title(status);
    let content = html! {
        (layout::notice("bad", advice(status), &html! { p { (message) } }))
        p { a.button href="/connectors" { "Back to the connectors" } }
    };
    Page::new(title).show(&content)
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => "A service does not answer",
        StatusCode::CONFLICT => "That is not possible now",
        StatusCode::PRECONDITION_FAILED => "Somebody else was faster",
        StatusCode::UNPROCESSABLE_ENTITY => "That cannot be",
        StatusCode::FORBIDDEN => "You may not do that",
        StatusCode::UNAUTHORIZED => "Sign in first",
        other => other.canonical_reason().unwrap_or("Something is wrong"),
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => "Nothing is lost. Load the page again in a moment.",
        StatusCode::PRECONDITION_FAILED => {
            "It was changed since you opened it. Nothing of yours was stored."
        }
        StatusCode::NOT_FOUND => "It is not here.",
        _ => "Nothing was changed.",
    }
}

/// There is no such page.
pub(crate) async fn not_found() -> (StatusCode, Markup) {
    let status = StatusCode::NOT_FOUND;
    (status, page(status, "There is no such page."))
}
