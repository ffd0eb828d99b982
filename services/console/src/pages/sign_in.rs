//! Pages for whoever has not signed in.

use maud::{Markup, html};

use super::layout;

/// Without an issuer.
pub(crate) fn open_the_link() -> Markup {
    let content = html! {
        p { "Open the link that " code { "chatkeep serve" } " has printed on its terminal. It signs in once." }
        form method="post" action="/sign-in/link" { button { "Print a new link" } }
    };
    layout::page("Sign in", &content)
}

/// After signing out.
pub(crate) fn signed_out() -> Markup {
    let content = html! {
        p { "You have signed out." }
        p { a href="/sign-in" { "Sign in again" } }
    };
    layout::page("Signed out", &content)
}
