use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    Exception, OpenRunRequest, OpenRunResponse, ProgressResponse, ReportResponse, RetryResponse,
    RunState, TraceItemRequest, TraceItemResponse,
};
use chatkeep_report::day;
use futures::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use reqwest::Method;
use serde_json::json;
use tonic::Status;

use super::{ControlApi, id_in};
use crate::server::{
    documents::{ExceptionList, ItemTrace, Opened, Retried, Run, RunList},
    follow::Events,
};

/// Runs and exceptions per page, the API's most.
const PAGE: u32 = 500;

impl ControlApi {
    pub(super) async fn opened(&self, request: OpenRunRequest) -> Result<OpenRunResponse, Status> {
        let connector = id_in(&request.connector_file)?;
        let order = json!({ "from": request.from.map(day), "to": request.to.map(day) });
        let call = self
            .client
            .call(Method::POST, &["connectors", &connector, "runs"]);
        let opened = call.once().json(&order).read().await?;
        Ok(self.open(&connector, &opened))
    }

    pub(super) async fn delivered(&self, connector: &str) -> Result<OpenRunResponse, Status> {
        let path = ["connectors", connector, "deliver-held"];
        let opened = self.client.call(Method::POST, &path).once().read().await?;
        Ok(self.open(connector, &opened))
    }

    fn open(&self, connector: &str, opened: &Opened) -> OpenRunResponse {
        OpenRunResponse {
            run: self.id(connector, opened.number),
            number: opened.number,
            resumed: opened.resumed,
        }
    }

    /// What the server tells next of a run; it does so each second. Whoever watches asks again when it is
    /// away.
    pub(super) async fn next_progress(&self, id: i64) -> Result<ProgressResponse, Status> {
        let (connector, number) = self.run(id)?;
        let watched = self.watched.lock().await.remove(&id);
        let mut events = if let Some(events) = watched {
            events
        } else {
            let number = number.to_string();
            let path = ["connectors", &connector, "runs", &number];
            let path = [&path[..], &["progress", "events"]].concat();
            Events::new(self.client.get(&path).at_once().answer().await?)
        };
        let progress = events.next().await?;
        let ended = || Status::unavailable("the server stopped telling of the run");
        let progress = ProgressResponse::from(progress.ok_or_else(ended)?);
        if progress.state() == RunState::Running {
            self.watched.lock().await.insert(id, events);
        }
        Ok(progress)
    }

    /// Number 0 is the newest that left a trace.
    pub(super) async fn reported(
        &self,
        connector: &str,
        number: i64,
    ) -> Result<ReportResponse, Status> {
        let number = match number {
            0 => {
                let call = self.client.get(&["connectors", connector, "runs"]);
                let newest: RunList = call.query("limit", 1).read().await?;
                let newest = newest.runs.first().map(|run| run.number);
                newest.ok_or_else(|| Status::not_found("nothing was archived yet"))?
            }
            number => number,
        };
        let text = number.to_string();
        let path = ["connectors", connector, "runs", &text];
        let run: Run = self.client.get(&path).read().await?;
        Ok(run.report(self.id(connector, number)))
    }

    /// The newest first.
    pub(super) async fn listed(
        &self,
        connector: &str,
        limit: u32,
    ) -> Result<Vec<ReportResponse>, Status> {
        let mut reports = Vec::new();
        let mut before = None;
        while reports.len() < limit as usize {
            let call = self.client.get(&["connectors", connector, "runs"]);
            let call = call.query("limit", PAGE.min(limit));
            let call = match before {
                Some(before) => call.query("before", before),
                None => call,
            };
            let page: RunList = call.read().await?;
            for run in page.runs {
                let number = run.number;
                // A list counts sealed runs alone, so that it takes no longer for what they archived.
                reports.push(if run.is_uncounted() {
                    self.reported(connector, number).await?
                } else {
                    run.report(self.id(connector, number))
                });
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        reports.truncate(limit as usize);
        Ok(reports)
    }

    /// All of a run, page by page.
    pub(super) fn all_exceptions(
        &self,
        connector: String,
        number: i64,
    ) -> BoxStream<'static, Result<Exception, Status>> {
        let client = self.client.clone();
        let pages = stream::try_unfold(Some(String::new()), move |cursor| {
            let (client, connector) = (client.clone(), connector.clone());
            async move {
                let Some(cursor) = cursor else {
                    return Ok(None);
                };
                let number = number.to_string();
                let path = ["connectors", &connector, "runs", &number, "exceptions"];
                let call = client.get(&path).query("limit", PAGE);
                let call = if cursor.is_empty() {
                    call
                } else {
                    call.query("cursor", cursor)
                };
                let page: ExceptionList = call.read().await?;
                let entries = page.exceptions.into_iter();
                let entries = stream::iter(entries.map(|entry| Ok(Exception::from(entry))));
                Ok::<_, Status>(Some((entries, page.next)))
            }
        });
        pages.try_flatten().boxed()
    }

    pub(super) async fn retried(
        &self,
        connector: &str,
        number: i64,
    ) -> Result<RetryResponse, Status> {
        let text = number.to_string();
        let path = ["connectors", connector, "runs", &text, "retry"];
        let retried: Retried = self.client.call(Method::POST, &path).once().read().await?;
        Ok(RetryResponse {
            run: self.id(connector, number),
            deliveries: retried.deliveries,
            conversations: retried.conversations,
        })
    }

    pub(super) async fn cancelled(&self, connector: &str, number: i64) -> Result<i64, Status> {
        let text = number.to_string();
        let path = ["connectors", connector, "runs", &text, "cancel"];
        self.client.call(Method::POST, &path).done().await?;
        Ok(self.id(connector, number))
    }

    pub(super) async fn traced(
        &self,
        request: &TraceItemRequest,
    ) -> Result<TraceItemResponse, Status> {
        let item = ItemId::from_slice(&request.item);
        let item = item.ok_or_else(|| Status::invalid_argument("item: it is no item's id"))?;
        let call = self.client.get(&["items"]);
        let trace: ItemTrace = call.query("message_id", item).read().await?;
        Ok(trace.into())
    }
}
