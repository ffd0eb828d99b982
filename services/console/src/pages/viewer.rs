//! Who looks at the page that is being made: forms carry their token, and what they may not do is not shown.

use axum::{extract::Request, middleware::Next, response::Response};
use maud::{Markup, html};

use crate::sign_in::{Principal, Right};

tokio::task_local! {
    static VIEWER: Principal;
}

/// Answers a request with its principal at hand.
pub(super) async fn scope(request: Request, next: Next) -> Response {
    match request.extensions().get::<Principal>().cloned() {
        Some(principal) => VIEWER.scope(principal, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// Whether they may do it.
pub(super) fn may(right: Right) -> bool {
    VIEWER.try_with(|viewer| viewer.may(right)).unwrap_or(false)
}

/// How they are called; `None` when nobody has signed in.
pub(super) fn name() -> Option<String> {
    let name = VIEWER.try_with(|viewer| match viewer.name.as_str() {
        "" => viewer.subject.clone(),
        name => name.to_owned(),
    });
    name.ok()
}

/// What tells them apart from others; `None` when nobody has signed in.
pub(super) fn subject() -> Option<String> {
    VIEWER.try_with(|viewer| viewer.subject.clone()).ok()
}

/// What a form of theirs must bring back.
pub(super) fn form_field() -> Markup {
    VIEWER
        .try_with(Principal::form_field)
        .unwrap_or_else(|_| html! {})
}
