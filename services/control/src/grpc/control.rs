use std::{pin::Pin, sync::Arc};

use chatkeep_proto::v1::{
    ArchivedDelivery, ArchivedRequest, BackfillRequest, BackfillResponse, CancelBackfillRequest,
    CancelBackfillResponse, CancelRunRequest, CancelRunResponse, DeleteConnectorRequest,
    DeleteConnectorResponse, DeliverHeldRequest, Exception, ExceptionsRequest, FindItemsRequest,
    FindItemsResponse, GetConnectorRequest, GetConnectorResponse, ListBackfillsRequest,
    ListBackfillsResponse, ListConnectorsRequest, ListConnectorsResponse, ListExceptionsRequest,
    ListExceptionsResponse, ListHeldRequest, ListHeldResponse, ListRunsRequest, ListRunsResponse,
    LogEntry, LogRequest, ManifestPiece, ManifestsRequest, OpenRunRequest, OpenRunResponse,
    PauseConnectorRequest, PauseConnectorResponse, ProgressRequest, ProgressResponse,
    PutConnectorRequest, PutConnectorResponse, ReportRequest, ReportResponse,
    ResumeConnectorRequest, ResumeConnectorResponse, RetryRequest, RetryResponse, TraceItemRequest,
    TraceItemResponse, control_server, log_entry::Entry,
};
use futures::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{
    Answer,
    change::{asked, change, note},
    status,
};
use crate::{
    admin::{
        lists::{Cursor, PAGE, Page},
        manifests::manifests,
    },
    audit::Outcome,
    error::LedgerError,
    ledger::{Ledger, parse},
};

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The administrators' side of control.
#[derive(Clone, Debug)]
pub struct ControlGrpc {
    ledger: Arc<Ledger>,
}

impl ControlGrpc {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }
}

/// Id of the connector that a file is of; empty where it cannot be read.
fn named_in(file: &str) -> String {
    parse(file).map_or_else(|_| String::new(), |connector| connector.id())
}

/// A list as a stream: one page in memory at a time.
fn paged<T, C, F>(
    first: C,
    page: impl Fn(C) -> F + Send + 'static,
) -> BoxStream<'static, Result<T, Status>>
where
    T: Send + 'static,
    C: Send + 'static,
    F: Future<Output = Result<Page<T, C>, LedgerError>> + Send + 'static,
{
    let pages = stream::try_unfold((Some(first), page), |(cursor, page)| async move {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let (rows, next) = page(cursor).await.map_err(status)?;
        let rows = stream::iter(rows.into_iter().map(Ok));
        Ok::<_, Status>(Some((rows, (next, page))))
    });
    pages.try_flatten().boxed()
}

#[tonic::async_trait]
impl control_server::Control for ControlGrpc {
    type ExceptionsStream = Streamed<Exception>;
    type LogStream = Streamed<LogEntry>;
    type ArchivedStream = Streamed<ArchivedDelivery>;
    type ManifestsStream = Streamed<ManifestPiece>;

    async fn open_run(&self, request: Request<OpenRunRequest>) -> Answer<OpenRunResponse> {
        let (deed, request) = asked(request, "run.open")?;
        let deed = deed.to(&named_in(&request.connector_file));
        let open = |request| self.ledger.open_run(&deed, request);
        let opened = change(&self.ledger, &deed, request, open).await;
        opened.map(Response::new)
    }

    async fn progress(&self, request: Request<ProgressRequest>) -> Answer<ProgressResponse> {
        let progress = self.ledger.progress(request.into_inner().run).await;
        progress.map(Response::new).map_err(status)
    }

    async fn report(&self, request: Request<ReportRequest>) -> Answer<ReportResponse> {
        let report = self.ledger.report(request.into_inner()).await;
        report.map(Response::new).map_err(status)
    }

    async fn exceptions(
        &self,
        request: Request<ExceptionsRequest>,
    ) -> Answer<Self::ExceptionsStream> {
        let run = request.into_inner().run;
        let ledger = Arc::clone(&self.ledger);
        let exceptions = paged(Cursor::Findings(0), move |cursor| {
            let ledger = Arc::clone(&ledger);
            async move { ledger.exceptions(run, cursor, PAGE).await }
        });
        Ok(Response::new(exceptions))
    }

    async fn list_runs(&self, request: Request<ListRunsRequest>) -> Answer<ListRunsResponse> {
        let runs = self.ledger.list_runs(request.into_inner()).await;
        runs.map(Response::new).map_err(status)
    }

    async fn log(&self, request: Request<LogRequest>) -> Answer<Self::LogStream> {
        let (deed, request) = asked(request, "log.download")?;
        let LogRequest { connector, number } = request;
        let run = self
            .ledger
            .run_numbered(&connector, number)
            .await
            .map_err(status)?;
        let deed = deed.to(&connector).about(&run.number);
        note(&self.ledger, &deed, Outcome::Done, &json!({})).await?;
        let summary = self.ledger.log_summary(&run).await.map_err(status)?;
        let summary = stream::iter([Ok(LogEntry {
            entry: Some(Entry::Summary(summary)),
        })]);
        let ledger = Arc::clone(&self.ledger);
        let failures = paged(Cursor::Failed(0, 0), move |cursor| {
            let ledger = Arc::clone(&ledger);
            async move { ledger.failures(run.id, cursor, PAGE).await }
        });
        let failures = failures.map_ok(|failure| LogEntry {
            entry: Some(Entry::Failure(failure)),
        });
        let ledger = Arc::clone(&self.ledger);
        let findings = paged(0, move |after| {
            let ledger = Arc::clone(&ledger);
            async move { ledger.findings(run.id, after, PAGE).await }
        });
        let findings = findings.map_ok(|finding| LogEntry {
            entry: Some(Entry::Finding(finding)),
        });
        let entries = summary.chain(failures).chain(findings);
        Ok(Response::new(entries.boxed()))
    }

    async fn list_exceptions(
        &self,
        request: Request<ListExceptionsRequest>,
    ) -> Answer<ListExceptionsResponse> {
        let page = self.ledger.list_exceptions(request.into_inner()).await;
        page.map(Response::new).map_err(status)
    }

    async fn list_held(&self, request: Request<ListHeldRequest>) -> Answer<ListHeldResponse> {
        let page = self.ledger.list_held(request.into_inner()).await;
        page.map(Response::new).map_err(status)
    }

    async fn retry(&self, request: Request<RetryRequest>) -> Answer<RetryResponse> {
        let (deed, request) = asked(request, "run.retry")?;
        let deed = deed.to(&request.connector).about(&request.number);
        let retry = |request| self.ledger.retry(&deed, request);
        let retried = change(&self.ledger, &deed, request, retry).await;
        retried.map(Response::new)
    }

    async fn deliver_held(&self, request: Request<DeliverHeldRequest>) -> Answer<OpenRunResponse> {
        let (deed, request) = asked(request, "run.deliver-held")?;
        let deed = deed.to(&named_in(&request.connector_file));
        let open = |request| self.ledger.deliver_held(&deed, request);
        let opened = change(&self.ledger, &deed, request, open).await;
        opened.map(Response::new)
    }

    async fn trace_item(&self, request: Request<TraceItemRequest>) -> Answer<TraceItemResponse> {
        let trace = self.ledger.trace(request.into_inner()).await;
        trace.map(Response::new).map_err(status)
    }

    async fn find_items(&self, request: Request<FindItemsRequest>) -> Answer<FindItemsResponse> {
        let found = self.ledger.find_items(request.into_inner()).await;
        found.map(Response::new).map_err(status)
    }

    async fn archived(&self, request: Request<ArchivedRequest>) -> Answer<Self::ArchivedStream> {
        let ArchivedRequest { connector, number } = request.into_inner();
        let run = self
            .ledger
            .run_numbered(&connector, number)
            .await
            .map_err(status)?;
        let ledger = Arc::clone(&self.ledger);
        let archived = paged((0, 0), move |cursor| {
            let ledger = Arc::clone(&ledger);
            async move { ledger.archived(run.id, cursor).await }
        });
        Ok(Response::new(archived))
    }

    async fn put_connector(
        &self,
        request: Request<PutConnectorRequest>,
    ) -> Answer<PutConnectorResponse> {
        let (deed, request) = asked(request, "connector.put")?;
        let deed = deed.to(&named_in(&request.connector_file));
        let put = |request| self.ledger.put_connector(&deed, request);
        let stored = change(&self.ledger, &deed, request, put).await;
        stored.map(Response::new)
    }

    async fn get_connector(
        &self,
        request: Request<GetConnectorRequest>,
    ) -> Answer<GetConnectorResponse> {
        let connector = request.into_inner().connector;
        let stored = self.ledger.get_connector(&connector).await;
        stored.map(Response::new).map_err(status)
    }

    async fn delete_connector(
        &self,
        request: Request<DeleteConnectorRequest>,
    ) -> Answer<DeleteConnectorResponse> {
        let (deed, request) = asked(request, "connector.delete")?;
        let deed = deed.to(&request.connector);
        let delete = |request| self.ledger.delete_connector(&deed, request);
        change(&self.ledger, &deed, request, delete).await?;
        Ok(Response::new(DeleteConnectorResponse {}))
    }

    async fn list_connectors(
        &self,
        request: Request<ListConnectorsRequest>,
    ) -> Answer<ListConnectorsResponse> {
        let connectors = self.ledger.list_connectors(request.into_inner()).await;
        connectors.map(Response::new).map_err(status)
    }

    async fn pause_connector(
        &self,
        request: Request<PauseConnectorRequest>,
    ) -> Answer<PauseConnectorResponse> {
        let (deed, request) = asked(request, "connector.pause")?;
        let deed = deed.to(&request.connector);
        let pause = |()| self.ledger.pause_connector(&deed, &request.connector);
        change(&self.ledger, &deed, (), pause).await?;
        Ok(Response::new(PauseConnectorResponse {}))
    }

    async fn resume_connector(
        &self,
        request: Request<ResumeConnectorRequest>,
    ) -> Answer<ResumeConnectorResponse> {
        let (deed, request) = asked(request, "connector.resume")?;
        let deed = deed.to(&request.connector);
        let resume = |()| self.ledger.resume_connector(&deed, &request.connector);
        let resumed = change(&self.ledger, &deed, (), resume).await;
        resumed.map(Response::new)
    }

    async fn cancel_run(&self, request: Request<CancelRunRequest>) -> Answer<CancelRunResponse> {
        let (deed, request) = asked(request, "run.cancel")?;
        let deed = deed.to(&request.connector).about(&request.number);
        let cancel = |request| self.ledger.cancel_run(&deed, request);
        let cancelled = change(&self.ledger, &deed, request, cancel).await;
        cancelled.map(Response::new)
    }

    async fn backfill(&self, request: Request<BackfillRequest>) -> Answer<BackfillResponse> {
        let (deed, request) = asked(request, "backfill.order")?;
        let deed = deed.to(&request.connector);
        let backfill = |request| self.ledger.backfill(&deed, request);
        let ordered = change(&self.ledger, &deed, request, backfill).await;
        ordered.map(Response::new)
    }

    async fn list_backfills(
        &self,
        request: Request<ListBackfillsRequest>,
    ) -> Answer<ListBackfillsResponse> {
        let connector = request.into_inner().connector;
        let backfills = self.ledger.list_backfills(&connector).await;
        backfills.map(Response::new).map_err(status)
    }

    async fn cancel_backfill(
        &self,
        request: Request<CancelBackfillRequest>,
    ) -> Answer<CancelBackfillResponse> {
        let (deed, request) = asked(request, "backfill.cancel")?;
        let deed = deed.to(&request.connector).about(&request.backfill);
        let cancel = |request| self.ledger.cancel_backfill(&deed, request);
        change(&self.ledger, &deed, request, cancel).await?;
        Ok(Response::new(CancelBackfillResponse {}))
    }

    async fn manifests(&self, request: Request<ManifestsRequest>) -> Answer<Self::ManifestsStream> {
        let connector = request.into_inner().connector;
        let pieces = manifests(Arc::clone(&self.ledger), &connector).await;
        let pieces = pieces.map_err(status)?.map_err(status);
        Ok(Response::new(pieces.boxed()))
    }
}
