//! Pages for whoever has not signed in.

use axum::{
    http::{HeaderValue, header},
    response::IntoResponse,
};
use maud::{Markup, html};
use reqwest::Url;

use super::layout::Page;
use crate::sign_in::Principal;

/// Without an issuer.
pub(crate) fn open_the_link() -> Markup {
    let content = html! {
        p { "Open the link that " code { "chatkeep serve" } " has printed on its terminal. It signs in once." }
        form method="post" action="/sign-in/link" { button type="submit" { "Print a new link" } }
    };
    Page::new("Sign in").show(&section(&content))
}

/// Who has signed in, and the way out.
pub(crate) fn me(principal: &Principal) -> Markup {
    let name = Some(principal.name.as_str()).filter(|name| !name.is_empty());
    let content = html! {
        p { "You are signed in as " (name.unwrap_or(&principal.subject)) "." }
        ul { @for role in &principal.roles { li { (role.name()) } } }
        form method="post" action="/sign-out" {
            (principal.form_field())
            button type="submit" { "Sign out" }
        }
    };
    Page::new("Account").show(&section(&content))
}

/// After signing out. `exit` is where the issuer ends its own session: the browser goes there at once, and as
/// it is not sent there by the form, browsers that look where forms lead let it go.
pub(crate) fn signed_out(exit: Option<&Url>) -> impl IntoResponse + use<> {
    let content = html! {
        p { "You have signed out." }
        @if let Some(exit) = exit {
            p { "Your issuer still knows you; your browser goes there to sign out, too." }
            p { a.button.primary href=(exit) { "Sign out at the issuer" } }
        } @else {
            p { a.button.primary href="/sign-in" { "Sign in again" } }
        }
    };
    let refresh = exit.and_then(|exit| HeaderValue::from_str(&format!("0; url={exit}")).ok());
    let refresh = refresh.map(|refresh| [(header::REFRESH, refresh)]);
    (refresh, Page::new("Signed out").show(&section(&content)))
}

fn section(content: &Markup) -> Markup {
    html! { section.card { (content) } }
}
