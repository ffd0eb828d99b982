//! Users whose mailbox is not known yet: what is theirs waits.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use chatkeep_proto::v1::{ListHeldRequest, UserItems};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Problem, words::limit};
use crate::Services;

/// Which of those who wait to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HeldPage {
    /// `next` of the page before.
    cursor: Option<String>,
    /// By default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page of users who wait for a mailbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldList {
    users: Vec<HeldUser>,
    /// `cursor` of the page that follows; null at the end.
    next: Option<String>,
}

/// Somebody who waits for a mailbox.
#[derive(Serialize, ToSchema)]
struct HeldUser {
    source_user: String,
    /// Copies that wait, of all runs.
    items: u64,
    /// Two users have the address.
    conflict: bool,
}

/// Lists the users of a connector who wait for a mailbox, by address.
#[utoipa::path(get, path = "/connectors/{connector}/held", tag = "connectors", operation_id = "list_held",
    params(("connector" = String, Path, description = "The connector's id"), HeldPage),
    responses((status = 200, description = "A page", body = HeldList)))]
pub(super) async fn list(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Query(page): Query<HeldPage>,
) -> Result<Json<HeldList>, Problem> {
    let request = ListHeldRequest {
        connector,
        page: page.cursor.unwrap_or_default(),
        limit: limit(page.limit, 100, 500)?,
    };
    let page = services.control.list_held(request).await?.into_inner();
    Ok(Json(HeldList {
        users: page.users.into_iter().map(HeldUser::from).collect(),
        next: Some(page.next).filter(|next| !next.is_empty()),
    }))
}

impl From<UserItems> for HeldUser {
    fn from(user: UserItems) -> Self {
        Self {
            source_user: user.source_user,
            items: user.items,
            conflict: user.conflict,
        }
    }
}
