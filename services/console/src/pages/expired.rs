//! What was typed is not lost when a session ends meanwhile: a form that comes too late is handed back, and
//! goes on its way once somebody has signed in and says so.

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use super::layout::{self, Page};
use crate::sign_in::{FORM_TOKEN, Principal, guard::HandedBack};

/// The largest form, bytes; as large as forms may be.
const LARGEST: usize = 2 << 20;

/// Hands a form of ours back where nobody has signed in, or where somebody has since. Other forms go on as
/// they are.
///
/// The browser says that a page of ours has made it (Fetch Metadata, `Sec-Fetch-Site`); where it says nothing,
/// nothing is handed back. Only connectors' forms are: a form that brings a secret is never shown again.
pub(super) async fn keep(request: Request, next: Next) -> Response {
    let is_ours = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin");
    let is_connectors = request.uri().path().starts_with("/connectors/");
    if request.method() != Method::POST || !is_ours || !is_connectors {
        return next.run(request).await;
    }
    let path = request.uri().path().to_owned();
    let principal = request.extensions().get::<Principal>().cloned();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let token = fields.iter().find(|(name, _)| name == FORM_TOKEN);
    match principal {
        None => {
            let page = (StatusCode::UNAUTHORIZED, signed_out(&path, &fields));
            ([(header::WWW_AUTHENTICATE, "Bearer")], page).into_response()
        }
        // The page is of a session before: another one has begun in another tab.
        Some(principal) if !token.is_some_and(|(_, token)| principal.is_form_token(token)) => {
            let page = signed_in(&path, &fields, &principal);
            let mark = Extension(HandedBack);
            (StatusCode::FORBIDDEN, mark, page).into_response()
        }
        Some(_) => {
            let request = Request::from_parts(parts, Body::from(body));
            next.run(request).await
        }
    }
}

fn signed_out(path: &str, fields: &[(String, String)]) -> Markup {
    let content = html! {
        (layout::notice("warn", "Your session has ended", &html! {
            p { "Nothing was stored. What you entered is kept on this page as long as it is open." }
        }))
        section.card {
            ol {
                li { a href="/sign-in" target="_blank" rel="noopener" { "Sign in again" span.unseen { " (opens in a new tab)" } } ", in a new tab." }
                li { "Come back to this one and go on." }
            }
            form method="post" action=(path) {
                (hidden(fields))
                button.primary type="submit" { "Go on with what was entered" }
            }
        }
    };
    Page::new("Sign in again").show(&content)
}

/// Whoever signed in may be somebody else: they are asked.
fn signed_in(path: &str, fields: &[(String, String)], principal: &Principal) -> Markup {
    let content = html! {
        section.card {
            p { "This was entered before you signed in. Nothing of it is stored yet." }
            form method="post" action=(path) {
                (principal.form_field())
                (hidden(fields))
                button.primary type="submit" { "Go on" }
            }
        }
    };
    Page::new("Go on with what was entered").show(&content)
}

fn hidden(fields: &[(String, String)]) -> Markup {
    let own = fields.iter().filter(|(name, _)| name != FORM_TOKEN);
    html! { @for (name, value) in own { input type="hidden" name=(name) value=(value); } }
}
