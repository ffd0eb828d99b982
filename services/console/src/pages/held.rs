//! Users whose mailbox is not known yet: what is theirs waits.

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use chatkeep_proto::v1::{DeliverHeldRequest, ListHeldRequest, UserItems};
use chatkeep_report::number;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{
    connector::actions::back,
    form::{self, Fields},
    layout::{self, Page},
    proposals, viewer,
};
use crate::{
    Services,
    error::PageError,
    mappings::{self, Change, Mappings},
    sign_in::Right,
    stored::Stored,
};

/// Users of a page.
const USERS: u32 = 100;

/// Which of those who wait are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Only behind this address.
    after: String,
}

/// A page of those who wait.
struct Held {
    users: Vec<UserItems>,
    /// The address that the page begins behind; empty of the first.
    after: String,
    /// The same of the page that follows; empty at the end.
    next: String,
}

/// `GET /connectors/{id}/held`.
pub(crate) async fn show(
    State(mut services): State<Services>,
    Extension(mappings): Extension<Mappings>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    let held = held(&mut services, &id, &asked.after).await?;
    let approval = proposals::summary(&mut services).await?.is_required;
    Ok(page(&stored, &mappings, (&held, approval), None))
}

/// `POST /connectors/{id}/held`: adds lines to the custom mapping, and delivers what waited for them; or
/// proposes the lines.
pub(crate) async fn map(
    State(mut services): State<Services>,
    Extension(mappings): Extension<Mappings>,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let mut stored = Stored::get(&mut services, &id).await?;
    let entered = match entered(&fields) {
        Ok(entered) => entered,
        Err(problem) => {
            let held = held(&mut services, &id, fields.get("after")).await?;
            let approval = proposals::summary(&mut services).await?.is_required;
            let page = page(&stored, &mappings, (&held, approval), Some(&problem));
            return Ok(page.into_response());
        }
    };
    let before = mappings.of(&stored.connector).await?;
    let csv = with_lines(&before, &entered);
    let change = Change {
        expected_version: fields.get("version").parse().ok(),
        reason: fields.get("reason").to_owned(),
    };
    let with_csv = (&mut stored, &*csv);
    let put = mappings::replace(&mut services, &mappings, with_csv, change).await?;
    if put.proposal > 0 {
        return Ok(proposals::proposed(put.proposal).into_response());
    }
    deliver_now(&mut services, stored)
        .await
        .map(IntoResponse::into_response)
}

/// `POST /connectors/{id}/held/deliver`.
pub(crate) async fn deliver(
    State(mut services): State<Services>,
    Path(id): Path<String>,
    _fields: Fields,
) -> Result<Redirect, PageError> {
    let stored = Stored::get(&mut services, &id).await?;
    deliver_now(&mut services, stored).await
}

async fn deliver_now(services: &mut Services, stored: Stored) -> Result<Redirect, PageError> {
    let request = DeliverHeldRequest {
        max_part_bytes: stored.max_part_bytes,
        connector_file: stored.file,
    };
    let opened = services.control.deliver_held(request).await?.into_inner();
    let id = &stored.summary.connector;
    Ok(back(id, &format!("run&run={}", opened.run)))
}

/// A page of those who wait.
async fn held(services: &mut Services, id: &str, after: &str) -> Result<Held, PageError> {
    let request = ListHeldRequest {
        connector: id.to_owned(),
        page: after.to_owned(),
        limit: USERS,
    };
    let page = services.control.list_held(request).await?.into_inner();
    Ok(Held {
        users: page.users,
        after: after.to_owned(),
        next: page.next,
    })
}

/// Users and their mailboxes, as far as something was entered; or what is wrong with it.
fn entered(fields: &Fields) -> Result<Vec<(String, String)>, String> {
    let mut entered = Vec::new();
    for index in 0.. {
        if !fields.has(&format!("user.{index}")) {
            break;
        }
        let user = fields.get(&format!("user.{index}"));
        let mailbox = fields.get(&format!("mailbox.{index}"));
        if mailbox.is_empty() {
            continue;
        }
        if !chatkeep_model::address::is_mailable(mailbox) {
            return Err(format!(
                "{mailbox} is not the address of a mailbox. Nothing was stored."
            ));
        }
        entered.push((user.to_owned(), mailbox.to_owned()));
    }
    if entered.is_empty() {
        return Err("Enter the mailbox of at least one user.".to_owned());
    }
    Ok(entered)
}

/// A mapping with lines added; quotes where they are needed.
fn with_lines(before: &str, entered: &[(String, String)]) -> String {
    let mut text = before.trim_end().to_owned();
    text.push('\n');
    for (user, mailbox) in entered {
        text.push_str(&format!("{},{}\n", quoted(user), quoted(mailbox)));
    }
    text
}

fn quoted(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
}

fn page(
    stored: &Stored,
    mappings: &Mappings,
    (held, approval): (&Held, bool),
    problem: Option<&str>,
) -> Markup {
    let users = &held.users;
    let foreign = mappings.keeps(&stored.connector).err();
    let may_map = foreign.is_none() && viewer::may(Right::Administer);
    let content = html! {
        @if let Some(problem) = problem { (layout::notice("bad", "That cannot be", &html! { p { (problem) } })) }
        @if let (Some(why), false) = (&foreign, users.is_empty()) {
            (layout::notice("info", "The custom mapping is kept elsewhere", &html! { p { (why.message()) } }))
        }
        @if users.is_empty() {
            section.empty {
                @if held.after.is_empty() {
                    h2 { "Nobody waits" } p { "Everything that was archived has found its mailbox." }
                } @else { h2 { "Nobody else waits" } }
                (pager(stored, held))
            }
        } @else {
            section.card.flush {
                p.head.soft {
                    "These users are ours, but neither directory nor mapping knows their mailbox. Nothing of theirs is "
                    "lost: it is delivered as soon as one is known."
                }
                @if may_map {
                    (form::post(&format!("{}/held", stored.address()), &html! {
                        input type="hidden" name="version" value=(stored.summary.version);
                        input type="hidden" name="after" value=(held.after);
                        (table(users, true))
                        div.head {
                            @if approval { (proposals::reason()) }
                            button.primary type="submit" { @if approval { "Propose the mapping" } @else { "Map and deliver" } }
                        }
                    }))
                } @else { (table(users, false)) }
                (pager(stored, held))
            }
        }
    };
    let page = Page::new("Held users").below("Data connectors", "/connectors");
    let page = page.below(&stored.summary.name, stored.address());
    let again = html! {
        @if !users.is_empty() && viewer::may(Right::Operate) {
            (form::button(&format!("{}/held/deliver", stored.address()), "", "Read the directory again"))
        }
    };
    page.beside(again).show(&content)
}

fn pager(stored: &Stored, held: &Held) -> Markup {
    let address = format!("{}/held", stored.address());
    html! {
        @if !held.after.is_empty() || !held.next.is_empty() {
            nav.pager aria-label="Pages" {
                @if !held.after.is_empty() { a href=(address) { "First users" } }
                @if !held.next.is_empty() {
                    a href={ (address) "?after=" (utf8_percent_encode(&held.next, NON_ALPHANUMERIC)) } { "More users" }
                }
            }
        }
    }
}

fn table(held: &[UserItems], may_map: bool) -> Markup {
    html! {
        div.scroll { table.stack {
            caption.unseen { "Held users, by address" }
            thead { tr {
                th scope="col" { "Source user" } th scope="col" { "Items" } th scope="col" { "Why" }
                @if may_map { th scope="col" { "Mailbox" } }
            } }
            tbody { @for (user, index) in held.iter().zip(0_usize..) {
                tr {
                    th scope="row" { (user.source_user) }
                    td data-label="Items" { (number(user.items)) }
                    td data-label="Why" { @if user.conflict { "two users have the address" } @else { "no mailbox known" } }
                    @if may_map { td data-label="Mailbox" {
                        input type="hidden" name={ "user." (index) } value=(user.source_user);
                        input type="text" inputmode="email" autocomplete="off" name={ "mailbox." (index) }
                            aria-label={ "Mailbox of " (user.source_user) } placeholder="name@example.com";
                    } }
                }
            } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_to_a_mapping_stands_on_lines_of_its_own() {
        let lines = [("a,\"b\"@contoso.com".to_owned(), "c@contoso.com".to_owned())];

        let text = with_lines("source_user,mailbox\nx@contoso.com,y@contoso.com", &lines);

        assert_eq!(
            text,
            "source_user,mailbox\nx@contoso.com,y@contoso.com\n\"a,\"\"b\"\"@contoso.com\",c@contoso.com\n"
        );
    }
}
