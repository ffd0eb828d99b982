//! The list of connectors.

use axum::extract::State;
use chatkeep_proto::v1::ListConnectorsRequest;
use maud::{Markup, html};

use super::layout;
use crate::{Services, error::PageError};

/// `GET /connectors`.
pub(crate) async fn list(State(mut services): State<Services>) -> Result<Markup, PageError> {
    let answer = services.control.list_connectors(ListConnectorsRequest {});
    let connectors = answer.await?.into_inner().connectors;
    let content = html! {
        @if connectors.is_empty() {
            p { "There are no connectors yet." }
        } @else {
            table {
                thead { tr { th scope="col" { "Name" } } }
                tbody { @for one in &connectors { tr { td { (one.name) } } } }
            }
        }
    };
    Ok(layout::page("Data connectors", &content))
}
