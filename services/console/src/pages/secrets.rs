//! Secrets that connector files name as `secret:NAME`: they go in here, and are never shown.

use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use chatkeep_proto::v1::{
    DeleteSecretRequest, ListSecretsRequest, ListSecretsResponse, PutSecretRequest, StoredSecret,
};
use maud::{Markup, html};
use serde::Deserialize;
use tonic::{Code, Status};

use super::{
    form::{self, Fields},
    layout::{self, Page},
    words,
};
use crate::{
    Services,
    error::{PageError, http_status},
};

/// What was done just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    done: String,
}

/// `GET /secrets`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let all = list(&mut services).await?;
    Ok(page(&all, &said(&asked.done)))
}

/// `POST /secrets`: stores one, or replaces it.
pub(crate) async fn put(
    State(mut services): State<Services>,
    fields: Fields,
) -> Result<Response, PageError> {
    let request = PutSecretRequest {
        name: fields.get("name").to_owned(),
        value: fields.exact("value").to_owned(),
    };
    let stored = services.access.put_secret(request).await;
    answer(services, stored.map(drop), "stored").await
}

/// `POST /secrets/delete`.
pub(crate) async fn delete(
    State(mut services): State<Services>,
    fields: Fields,
) -> Result<Response, PageError> {
    let request = DeleteSecretRequest {
        name: fields.get("name").to_owned(),
    };
    let deleted = services.access.delete_secret(request).await;
    answer(services, deleted.map(drop), "deleted").await
}

/// Back to the list; what can be put right by whoever asked is said above it.
async fn answer(
    mut services: Services,
    result: Result<(), Status>,
    done: &str,
) -> Result<Response, PageError> {
    let status = match result {
        Ok(()) => return Ok(Redirect::to(&format!("/secrets?done={done}")).into_response()),
        Err(status) => status,
    };
    if !matches!(
        status.code(),
        Code::InvalidArgument | Code::FailedPrecondition | Code::NotFound
    ) {
        return Err(status.into());
    }
    let all = list(&mut services).await?;
    let words = html! { p { (status.message()) } };
    let problem = layout::notice("bad", "Nothing was changed.", &words);
    Ok((http_status(status.code()), page(&all, &problem)).into_response())
}

async fn list(services: &mut Services) -> Result<ListSecretsResponse, PageError> {
    let all = services.access.list_secrets(ListSecretsRequest {}).await?;
    Ok(all.into_inner())
}

fn said(done: &str) -> Markup {
    let (title, words) = match done {
        "stored" => ("Stored.", "Runs use it from their next task on."),
        "deleted" => ("Deleted.", "Nothing names it any more."),
        _ => return html! {},
    };
    layout::notice("good", title, &html! { p { (words) } })
}

fn page(all: &ListSecretsResponse, said: &Markup) -> Markup {
    let content = html! {
        (said)
        @if !all.has_key {
            (layout::notice("info", "Secrets cannot be kept here", &html! {
                p { "Control has no key to encrypt them with: set " code { "control.secrets_key" } ". Until then, "
                    "connectors name secrets as " code { "env:NAME" } " or " code { "file:/path" } "." }
            }))
        }
        section.card.flush aria-labelledby="stored" {
            h2 #stored { "Stored secrets" }
            p.head.soft {
                "A connector names one as " code { "secret:NAME" } ". They are kept encrypted, and nobody can read "
                "them here again."
            }
            @if all.secrets.is_empty() { p.head { "There are none." } } @else { div.scroll { (table(all)) } }
        }
        @if all.has_key {
            section.card aria-labelledby="add" { h2 #add { "Add a secret" } (form::post("/secrets", &entry())) }
        }
    };
    Page::new("Secrets").show(&content)
}

fn entry() -> Markup {
    html! {
        div.pair {
            div.field {
                label for="name" { "Name" }
                p.help #name-help { "Letters, digits, " code { "-" } ", " code { "_" } " and " code { "." } }
                input #name name="name" required autocomplete="off" spellcheck="false" aria-describedby="name-help";
            }
            div.field {
                label for="value" { "Secret" }
                p.help #value-help { "A name that is there already gets the new secret." }
                input #value name="value" type="password" required autocomplete="new-password" aria-describedby="value-help";
            }
        }
        button.primary type="submit" { "Store" }
    }
}

fn table(all: &ListSecretsResponse) -> Markup {
    html! {
        table.stack {
            caption.unseen { "Stored secrets, by name" }
            thead { tr {
                th scope="col" { "Name" } th scope="col" { "Stored" } th scope="col" { "Used by" } th scope="col" { "Action" }
            } }
            tbody { @for secret in &all.secrets { (row(secret, all.has_key)) } }
        }
    }
}

fn row(secret: &StoredSecret, has_key: bool) -> Markup {
    let name = &secret.name;
    html! {
        tr {
            th scope="row" { code { (name) } }
            td data-label="Stored" { (words::when(secret.changed.div_euclid(1_000))) }
            td data-label="Used by" {
                @if secret.connectors.is_empty() { (words::none()) } @else {
                    div { @for id in &secret.connectors { a href={ "/connectors/" (id) } { (id) } " " } }
                }
            }
            td data-label="Action" {
                div {
                    @if has_key { details { summary { "Replace" } (form::post("/secrets", &replacement(name))) } }
                    @if secret.connectors.is_empty() {
                        (form::post("/secrets/delete", &html! {
                            input type="hidden" name="name" value=(name);
                            button.link.danger type="submit" aria-label={ "Delete " (name) } { "Delete" }
                        }))
                    }
                }
            }
        }
    }
}

fn replacement(name: &str) -> Markup {
    html! {
        input type="hidden" name="name" value=(name);
        input name="value" type="password" required autocomplete="new-password" aria-label={ "New secret " (name) };
        button type="submit" aria-label={ "Replace " (name) } { "Replace" }
    }
}
