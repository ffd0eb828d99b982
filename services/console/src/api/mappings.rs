//! The custom mapping of a connector, as far as the console keeps it.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{FromRequest, Path, Query, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse, Response},
};
use chatkeep_proto::v1::{CheckCustomRequest, ListHeldRequest, WrongLine};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    connectors::{ConnectorDocument, answer, etag, expected, stored},
    preview::{MappingPreview, map},
    problem::LineProblem,
    proposals::{Proposed, proposed},
};
use crate::{
    Services,
    mappings::{self, Change, Mappings, people},
    stored::Stored,
};

/// Addresses that a request may ask about, and users who wait that are looked at.
const ADDRESSES: usize = 1_000;
const HELD: u32 = 500;

/// What is said about a change.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Said {
    /// What is said about it where it has to be approved, at most 2000 characters.
    #[serde(default)]
    #[param(required = false)]
    reason: String,
}

/// A custom mapping to look at, and whose mailboxes to find with it. At least one of `addresses`, `held` and
/// `sources` says whose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingOrder {
    /// The custom mapping, CSV with the columns `source_user` and `mailbox`.
    #[schema(example = "source_user,mailbox\nservicedesk@contoso.com,support@contoso.com\n")]
    csv: String,
    /// Of these addresses.
    #[serde(default)]
    #[schema(max_items = 1000)]
    addresses: Vec<String>,
    /// Of the users who wait for a mailbox, the first 500 by address.
    #[serde(default)]
    held: bool,
    /// Of the participants of each source's first 50 conversations.
    #[serde(default)]
    sources: bool,
}

/// Reads the custom mapping of a connector, as it was stored; without one it has no lines. The `ETag` is the
/// connector's, and what a change needs.
#[utoipa::path(get, path = "/connectors/{connector}/mapping", tag = "connectors", operation_id = "read_mapping",
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 200, description = "CSV, with the connector's ETag", body = String, content_type = "text/csv"),
        (status = 409, description = "It is a file that the console does not keep", body = Problem)))]
pub(super) async fn read(
    State(mut services): State<Services>,
    State(mappings): State<Mappings>,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let stored = Stored::get(&mut services, &connector).await?;
    let csv = mappings.of(&stored.connector).await?;
    let headers = [
        (ETAG, etag(stored.summary.version)),
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
    ];
    Ok((headers, csv).into_response())
}

/// Replaces the custom mapping of a connector: a new version of it. What users wait for is delivered by the
/// next refresh, or by `deliver-held`.
#[utoipa::path(put, path = "/connectors/{connector}/mapping", tag = "connectors", operation_id = "replace_mapping",
    request_body(content = String, content_type = "text/csv",
        description = "CSV with the columns `source_user` and `mailbox`, UTF-8, 2 MB at most"),
    params(("connector" = String, Path, description = "The connector's id"), Said,
        ("If-Match" = String, Header, pattern = "^(\\*|\"[1-9][0-9]*\")$",
            description = "The ETag of what is replaced; `*` of whatever is there")),
    responses((status = 200, description = "The connector, with its new ETag", body = ConnectorDocument),
        (status = 202, description = "It has to be approved first; Location is the proposal", body = Proposed),
        (status = 409, description = "It is a file that the console does not keep", body = Problem),
        (status = 412, description = "The connector was changed since", body = Problem),
        (status = 422, description = "Lines are wrong: `errors` has them", body = Problem),
        (status = 428, description = "If-Match is missing", body = Problem)))]
pub(super) async fn replace(
    State(mut services): State<Services>,
    State(mappings): State<Mappings>,
    Path(connector): Path<String>,
    Query(Said { reason }): Query<Said>,
    Sent {
        csv,
        expected_version,
    }: Sent,
) -> Result<Response, Problem> {
    let mut replaced = Stored::get(&mut services, &connector).await?;
    mappings.keeps(&replaced.connector)?;
    check(&mut services, &csv).await?;
    let change = Change {
        expected_version: expected_version.or(Some(replaced.summary.version)),
        reason,
    };
    let with_csv = (&mut replaced, &*csv);
    let put = mappings::replace(&mut services, &mappings, with_csv, change).await?;
    if put.proposal > 0 {
        return Ok(proposed(put.proposal));
    }
    let stored = stored(&mut services, connector).await?;
    Ok(answer(StatusCode::OK, stored))
}

/// Shows whom addresses would be mapped to with a custom mapping in place of the connector's. Nothing is
/// stored.
#[utoipa::path(post, path = "/connectors/{connector}/mapping/preview", tag = "connectors",
    operation_id = "preview_mapping", request_body = MappingOrder,
    params(("connector" = String, Path, description = "The connector's id")),
    responses((status = 200, description = "Who maps to whom", body = MappingPreview),
        (status = 422, description = "Lines are wrong: `errors` has them", body = Problem)))]
pub(super) async fn preview(
    State(mut services): State<Services>,
    Path(connector): Path<String>,
    Json(order): Json<MappingOrder>,
) -> Result<Json<MappingPreview>, Problem> {
    let stored = Stored::get(&mut services, &connector).await?;
    check(&mut services, &order.csv).await?;
    let people = asked(&mut services, &stored, &order).await?;
    let mapping = map(&mut services, &stored.file, Some(order.csv), people).await?;
    Ok(Json(mapping))
}

/// Whose mailboxes are to be found.
async fn asked(
    services: &mut Services,
    stored: &Stored,
    order: &MappingOrder,
) -> Result<BTreeSet<String>, Problem> {
    if order.addresses.len() > ADDRESSES {
        let problem = format!("addresses: give {ADDRESSES} at most.");
        return Err(Problem::unprocessable(problem));
    }
    if order.addresses.is_empty() && !order.held && !order.sources {
        let problem = "addresses: say whose mailboxes to find, or held or sources: true.";
        return Err(Problem::unprocessable(problem));
    }
    let mut asked: BTreeSet<_> = order.addresses.iter().cloned().collect();
    if order.held {
        let request = ListHeldRequest {
            connector: stored.summary.connector.clone(),
            page: String::new(),
            limit: HELD,
        };
        let page = services.control.list_held(request).await?.into_inner();
        asked.extend(page.users.into_iter().map(|user| user.source_user));
    }
    if order.sources {
        let sources = u32::try_from(stored.connector.sources.len()).unwrap_or(u32::MAX);
        for preview in people::previews(services, &stored.file, sources, false).await {
            asked.extend(people::participants(&preview?));
        }
    }
    Ok(asked)
}

/// A mapping that is sent, and the version of the connector that it is sent for.
pub(super) struct Sent {
    csv: String,
    expected_version: Option<i64>,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let headers = request.headers();
        is_csv(headers).map_err(Problem::into_response)?;
        let expected_version = expected(headers).map_err(Problem::into_response)?;
        let csv = String::from_request(request, state).await;
        Ok(Self {
            csv: csv.map_err(IntoResponse::into_response)?,
            expected_version,
        })
    }
}

fn is_csv(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("text/csv") {
        return Ok(());
    }
    let problem = "Content-Type: send the mapping as text/csv.";
    Err(Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
}

/// Refuses a mapping with wrong lines, and names them.
async fn check(services: &mut Services, csv: &str) -> Result<(), Problem> {
    let request = CheckCustomRequest {
        custom_mapping: csv.to_owned(),
    };
    let wrong = services.mapping.check_custom(request).await?;
    let wrong = wrong.into_inner().wrong;
    let Some(WrongLine { line, problem }) = wrong.first() else {
        return Ok(());
    };
    let others = match wrong.len() {
        1 => String::new(),
        count => format!(" {} more lines are wrong, see errors.", count - 1),
    };
    let detail = format!("The mapping's line {line}: {problem}.{others} Nothing was stored.");
    let lines = wrong.into_iter().map(|wrong| LineProblem {
        line: wrong.line,
        problem: wrong.problem,
    });
    Err(Problem::unprocessable(detail).with_lines(lines.collect()))
}
