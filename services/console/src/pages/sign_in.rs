//! Pages for whoever has not signed in.

use maud::{Markup, html};

use super::layout;
use crate::sign_in::Principal;

/// Without an issuer.
pub(crate) fn open_the_link() -> Markup {
    let content = html! {
        p { "Open the link that " code { "chatkeep serve" } " has printed on its terminal. It signs in once." }
        form method="post" action="/sign-in/link" { button { "Print a new link" } }
    };
    layout::page("Sign in", &content)
}

/// Who has signed in, and the way out.
pub(crate) fn me(principal: &Principal) -> Markup {
    let name = Some(principal.name.as_str()).filter(|name| !name.is_empty());
    let content = html! {
        p { "You are signed in as " (name.unwrap_or(&principal.subject)) "." }
        ul { @for role in &principal.roles { li { (role.name()) } } }
        form method="post" action="/sign-out" {
            (principal.form_field())
            button { "Sign out" }
        }
    };
    layout::page("Account", &content)
}

/// After signing out.
pub(crate) fn signed_out() -> Markup {
    let content = html! {
        p { "You have signed out." }
        p { a href="/sign-in" { "Sign in again" } }
    };
    layout::page("Signed out", &content)
}
