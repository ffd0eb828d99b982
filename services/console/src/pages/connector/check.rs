//! Tries the connections of a connector.

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::Stored;
use crate::{
    Services,
    error::PageError,
    pages::{checks, layout::Page},
};

/// `GET /connectors/{id}/test`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Path(id): Path<String>,
) -> Result<Markup, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let sources = checks::sources(&mut services, &stored.file, 0).await;
    let directory = checks::directory(&mut services, &stored.file).await;
    let target = checks::target(&mut services, &stored.file, &directory.sample_mailbox).await;
    let report = checks::report(&mut services, &stored.file).await;
    let content = html! {
        section.card { h2 { "Sources" } (sources) }
        section.card { h2 { "Directory" } (directory.shown) }
        section.card { h2 { "Target" } (target.shown) }
        section.card { h2 { "Daily report" } (report) }
        p { a.button href=(stored.address()) { "Back" } }
    };
    let page = Page::new("Connections").below("Data connectors", "/connectors");
    let page = page.below(&stored.summary.name, stored.address());
    Ok(page.show(&content))
}
