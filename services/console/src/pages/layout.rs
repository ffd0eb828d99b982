use maud::{DOCTYPE, Markup, html};

/// A page with everything that all have.
pub(super) fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - Chatkeep" }
                link rel="stylesheet" href="/assets/console.css";
            }
            body {
                header { nav aria-label="Main" { a href="/connectors" { "Chatkeep" } } }
                main { h1 { (title) } (content) }
            }
        }
    }
}
