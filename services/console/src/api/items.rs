//! Items: where they came from, and where they went. Metadata only.

use axum::{
    Json,
    extract::{Query, State},
};
use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    FindItemsRequest, FoundItem, TraceItemRequest, TraceItemResponse, TracedCopy,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    words::{hex, limit, read_time, time, word},
};
use crate::{Services, traces::TraceLinks};

/// Which item.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemQuery {
    /// The Message-ID of the mail, with or without `<` and `>`, or the item's id.
    message_id: String,
    /// The mail's date: the item is found at once by it. Without it all items are looked through.
    #[param(format = DateTime)]
    date: Option<String>,
}

/// Whose items.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserItemsQuery {
    /// An address: of a mailbox, or the one that the source knew a participant by, without scheme.
    user: String,
    /// Items from this time on.
    #[param(format = DateTime)]
    from: String,
    /// Items before this time.
    #[param(format = DateTime)]
    to: String,
    /// Only of this connector, by id.
    connector: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// By default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// An item's way through the pipeline.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemTrace {
    /// The connector's id.
    connector: String,
    run: i64,
    /// p2p, conference or room
    kind: String,
    date: String,
    records: u32,
    /// Source files, relative to their source, where they are known.
    files: Vec<String>,
    /// Where in staging the batch is that it was captured in.
    captured: Option<String>,
    /// Where in staging its parts are.
    rendered: Option<String>,
    parts: Vec<TracedPart>,
    /// The item it is a revision of, hexadecimal.
    supersedes: Option<String>,
    /// The traces of the work that rendered and planned it: both of one trace, as a rule, and none where
    /// nothing is traced.
    traces: Vec<Trace>,
    copies: Vec<Copy>,
}

/// A trace of work.
#[derive(Serialize, ToSchema)]
struct Trace {
    /// What was done in it: rendered or planned; of copies settled.
    of: &'static str,
    /// Its id, hexadecimal.
    id: String,
    /// Where it is looked at, if the console was told.
    link: Option<String>,
}

/// An e-mail message.
#[derive(Serialize, ToSchema)]
struct TracedPart {
    /// Where in `rendered` it begins, bytes.
    offset: u64,
    /// Bytes.
    size: u64,
    sha256: String,
}

/// A participant's copy.
#[derive(Serialize, ToSchema)]
struct Copy {
    source_user: String,
    /// mapped, held, external or conflict
    placement: String,
    mailbox: String,
    /// waiting, imported, `partially_imported`, skipped or failed; null of copies that go nowhere
    state: Option<String>,
    reason: String,
    /// When that became final.
    settled: Option<String>,
    /// The trace of the work that made it final.
    trace: Option<Trace>,
    /// For how many seconds such traces are known, where this one is known no more; null otherwise.
    traces_kept: Option<u64>,
}

/// A page of items.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemList {
    items: Vec<UserItem>,
    /// `cursor` of the page that follows; null at the end. A page may be empty and not be the last one.
    next: Option<String>,
}

/// An item and the user's copy of it.
#[derive(Serialize, ToSchema)]
struct UserItem {
    /// Item id, hexadecimal.
    item: String,
    connector: String,
    run: i64,
    kind: String,
    date: String,
    records: u32,
    copy: Option<Copy>,
}

/// Finds an item by the Message-ID of one of its mails.
#[utoipa::path(get, path = "/items", tag = "items", operation_id = "trace_item", params(ItemQuery),
    responses((status = 200, description = "Its way", body = ItemTrace)))]
pub(super) async fn trace(
    State(mut services): State<Services>,
    State(links): State<TraceLinks>,
    Query(query): Query<ItemQuery>,
) -> Result<Json<ItemTrace>, Problem> {
    let item = ItemId::parse(&query.message_id);
    let item =
        item.ok_or_else(|| Problem::unprocessable("message_id: it is none of an item's."))?;
    let date = query
        .date
        .map(|date| read_time("date", &date))
        .transpose()?;
    let request = TraceItemRequest {
        item: item.as_bytes().to_vec().into(),
        date: date.map(Timestamp::as_second),
        ..TraceItemRequest::default()
    };
    let item = services.control.trace_item(request).await?.into_inner();
    Ok(Json(ItemTrace::of(item, &links)))
}

/// Lists the items of a user in a range of time, by date.
#[utoipa::path(get, path = "/items/search", tag = "items", operation_id = "search_items", params(UserItemsQuery),
    responses((status = 200, description = "A page", body = ItemList)))]
pub(super) async fn search(
    State(mut services): State<Services>,
    State(links): State<TraceLinks>,
    Query(query): Query<UserItemsQuery>,
) -> Result<Json<ItemList>, Problem> {
    let request = FindItemsRequest {
        user: query.user,
        from: read_time("from", &query.from)?.as_second(),
        to: read_time("to", &query.to)?.as_second(),
        connector: query.connector.unwrap_or_default(),
        page: query.cursor.unwrap_or_default(),
        limit: limit(query.limit, 100, 500)?,
    };
    let found = services.control.find_items(request).await?.into_inner();
    let items = found.items.into_iter();
    Ok(Json(ItemList {
        items: items.map(|item| UserItem::of(item, &links)).collect(),
        next: Some(found.next).filter(|next| !next.is_empty()),
    }))
}

impl Trace {
    /// `None` where nothing was traced.
    fn of(what: &'static str, id: String, links: &TraceLinks) -> Option<Self> {
        let link = links.link(&id);
        (!id.is_empty()).then_some(Self { of: what, id, link })
    }
}

impl ItemTrace {
    fn of(item: TraceItemResponse, links: &TraceLinks) -> Self {
        let traces = [("rendered", item.rendered_in), ("planned", item.planned_in)];
        let traces = traces
            .into_iter()
            .filter_map(|(what, id)| Trace::of(what, id, links));
        let copies = item.copies.into_iter();
        let parts = item.parts.iter().map(|part| TracedPart {
            offset: part.offset,
            size: part.size,
            sha256: hex(&part.sha256),
        });
        Self {
            connector: item.connector,
            run: item.run_number,
            kind: item.kind,
            date: time(item.date),
            records: item.records,
            files: item.files,
            captured: item.batch.map(|blob| blob.key),
            rendered: item.blob.map(|blob| blob.key),
            parts: parts.collect(),
            supersedes: (!item.supersedes.is_empty()).then(|| hex(&item.supersedes)),
            traces: traces.collect(),
            copies: copies.map(|copy| Copy::of(copy, links)).collect(),
        }
    }
}

impl UserItem {
    fn of(found: FoundItem, links: &TraceLinks) -> Self {
        Self {
            item: hex(&found.item),
            connector: found.connector,
            run: found.run_number,
            kind: found.kind,
            date: time(found.date),
            records: found.records,
            copy: found.copy.map(|copy| Copy::of(copy, links)),
        }
    }
}

impl Copy {
    fn of(copy: TracedCopy, links: &TraceLinks) -> Self {
        let placement = word(copy.placement().as_str_name(), "PLACEMENT");
        let state = word(copy.state().as_str_name(), "DELIVERY_STATE");
        Self {
            state: (placement == "mapped").then_some(state),
            placement,
            source_user: copy.source_user,
            mailbox: copy.mailbox,
            reason: copy.reason,
            settled: copy.settled.map(time),
            trace: Trace::of("settled", copy.settled_in, links),
            traces_kept: Some(copy.traces_kept).filter(|kept| *kept > 0),
        }
    }
}
