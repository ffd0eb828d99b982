//! Pages for whoever has not signed in.

use maud::{Markup, html};

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

/// After signing out.
pub(crate) fn signed_out() -> Markup {
    let content = html! {
        p { "You have signed out." }
        p { a.button.primary href="/sign-in" { "Sign in again" } }
    };
    Page::new("Signed out").show(&section(&content))
}

fn section(content: &Markup) -> Markup {
    html! { section.card { (content) } }
}
