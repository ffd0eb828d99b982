//! What control does, as the API answers.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    ApproveProposalRequest, ApproveProposalResponse, ArchivedDelivery, ArchivedRequest,
    BackfillRequest, BackfillResponse, BackfillSummary, CancelBackfillRequest,
    CancelBackfillResponse, CancelRunRequest, CancelRunResponse, CheckReportRequest,
    CheckReportResponse, ConnectorSummary, DeleteConnectorRequest, DeleteConnectorResponse,
    DeliverHeldRequest, Exception, ExceptionsRequest, FindItemsRequest, FindItemsResponse,
    GetConnectorRequest, GetConnectorResponse, GetProposalRequest, GetProposalResponse,
    ListBackfillsRequest, ListBackfillsResponse, ListConnectorsRequest, ListConnectorsResponse,
    ListExceptionsRequest, ListExceptionsResponse, ListHeldRequest, ListHeldResponse,
    ListProposalsRequest, ListProposalsResponse, ListRunsRequest, ListRunsResponse, LogEntry,
    LogRequest, ManifestPiece, ManifestsRequest, OpenRunRequest, OpenRunResponse,
    PauseConnectorRequest, PauseConnectorResponse, ProgressRequest, ProgressResponse,
    PutConnectorRequest, PutConnectorResponse, RejectProposalRequest, RejectProposalResponse,
    ReportRequest, ReportResponse, ResumeConnectorRequest, ResumeConnectorResponse, RetryRequest,
    RetryResponse, TraceItemRequest, TraceItemResponse, WithdrawProposalRequest,
    WithdrawProposalResponse, control_server::Control,
};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{client::Client, follow::Events};

pub(super) mod connectors;
mod proposals;
mod runs;

/// What `Control` is where the API answers.
#[derive(Clone)]
pub(super) struct ControlApi {
    client: Client,
    /// Connector and number of every run that was spoken of. The contract names runs by an id of the ledger,
    /// which the API does not tell; what stands for it is the place in this list, from 1.
    runs: Arc<Mutex<Vec<(String, i64)>>>,
    /// Runs that are watched.
    watched: Arc<tokio::sync::Mutex<HashMap<i64, Events>>>,
}

impl ControlApi {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            runs: Arc::default(),
            watched: Arc::default(),
        }
    }

    fn id(&self, connector: &str, number: i64) -> i64 {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let is_this = |run: &(String, i64)| run.0 == connector && run.1 == number;
        let place = runs.iter().position(is_this).unwrap_or_else(|| {
            runs.push((connector.to_owned(), number));
            runs.len() - 1
        });
        i64::try_from(place + 1).unwrap_or_default()
    }

    fn run(&self, id: i64) -> Result<(String, i64), Status> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(id)
            .ok()
            .and_then(|place| place.checked_sub(1));
        let run = place.and_then(|place| runs.get(place)).cloned();
        run.ok_or_else(|| Status::not_found("there is no such run"))
    }
}

/// What the API does not do.
pub(super) fn not_there() -> Status {
    Status::unimplemented(
        "a server does not do this: call the command where the ledger is, or with --control",
    )
}

/// The id of a connector whose file the contract wants, while the API takes what is stored.
fn id_in(connector_file: &str) -> Result<String, Status> {
    let connector = Connector::parse(connector_file, Path::new("/"));
    let connector = connector.map_err(|error| Status::invalid_argument(error.to_string()))?;
    Ok(connector.id())
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Control for ControlApi {
    type ExceptionsStream = BoxStream<'static, Result<Exception, Status>>;
    type LogStream = BoxStream<'static, Result<LogEntry, Status>>;
    type ArchivedStream = BoxStream<'static, Result<ArchivedDelivery, Status>>;
    type ManifestsStream = BoxStream<'static, Result<ManifestPiece, Status>>;

    async fn open_run(&self, request: Request<OpenRunRequest>) -> Answer<OpenRunResponse> {
        self.opened(request.into_inner()).await.map(Response::new)
    }

    async fn progress(&self, request: Request<ProgressRequest>) -> Answer<ProgressResponse> {
        let progress = self.next_progress(request.into_inner().run).await?;
        Ok(Response::new(progress))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Answer<ReportResponse> {
        let ReportRequest {
            connector, number, ..
        } = request.into_inner();
        let report = self.reported(&connector, number).await?;
        Ok(Response::new(report))
    }

    async fn exceptions(
        &self,
        request: Request<ExceptionsRequest>,
    ) -> Answer<Self::ExceptionsStream> {
        let (connector, number) = self.run(request.into_inner().run)?;
        Ok(Response::new(self.all_exceptions(connector, number)))
    }

    async fn list_runs(&self, request: Request<ListRunsRequest>) -> Answer<ListRunsResponse> {
        let request = request.into_inner();
        let runs = self.listed(&request.connector, request.limit).await?;
        Ok(Response::new(ListRunsResponse {
            runs,
            ..ListRunsResponse::default()
        }))
    }

    async fn retry(&self, request: Request<RetryRequest>) -> Answer<RetryResponse> {
        let RetryRequest { connector, number } = request.into_inner();
        let retried = self.retried(&connector, number).await?;
        Ok(Response::new(retried))
    }

    async fn deliver_held(&self, request: Request<DeliverHeldRequest>) -> Answer<OpenRunResponse> {
        let connector = id_in(&request.into_inner().connector_file)?;
        let opened = self.delivered(&connector).await?;
        Ok(Response::new(opened))
    }

    async fn cancel_run(&self, request: Request<CancelRunRequest>) -> Answer<CancelRunResponse> {
        let CancelRunRequest { connector, number } = request.into_inner();
        let run = self.cancelled(&connector, number).await?;
        Ok(Response::new(CancelRunResponse { run }))
    }

    async fn trace_item(&self, request: Request<TraceItemRequest>) -> Answer<TraceItemResponse> {
        let item = self.traced(&request.into_inner()).await?;
        Ok(Response::new(item))
    }

    async fn put_connector(
        &self,
        request: Request<PutConnectorRequest>,
    ) -> Answer<PutConnectorResponse> {
        let put = self.put(request.into_inner()).await?;
        Ok(Response::new(put))
    }

    async fn get_connector(
        &self,
        request: Request<GetConnectorRequest>,
    ) -> Answer<GetConnectorResponse> {
        let stored = self.stored(&request.into_inner().connector).await?;
        Ok(Response::new(stored))
    }

    async fn delete_connector(
        &self,
        request: Request<DeleteConnectorRequest>,
    ) -> Answer<DeleteConnectorResponse> {
        let proposal = self.deleted(request.into_inner()).await?;
        Ok(Response::new(DeleteConnectorResponse { proposal }))
    }

    async fn list_connectors(
        &self,
        _request: Request<ListConnectorsRequest>,
    ) -> Answer<ListConnectorsResponse> {
        let connectors: Vec<ConnectorSummary> = self.all_connectors().await?;
        Ok(Response::new(ListConnectorsResponse { connectors }))
    }

    async fn pause_connector(
        &self,
        request: Request<PauseConnectorRequest>,
    ) -> Answer<PauseConnectorResponse> {
        self.paused(&request.into_inner().connector).await?;
        Ok(Response::new(PauseConnectorResponse {}))
    }

    async fn resume_connector(
        &self,
        request: Request<ResumeConnectorRequest>,
    ) -> Answer<ResumeConnectorResponse> {
        let runs = self.resumed(&request.into_inner().connector).await?;
        Ok(Response::new(ResumeConnectorResponse { runs }))
    }

    async fn backfill(&self, request: Request<BackfillRequest>) -> Answer<BackfillResponse> {
        let backfill = self.ordered(request.into_inner()).await?;
        Ok(Response::new(BackfillResponse { backfill }))
    }

    async fn list_backfills(
        &self,
        request: Request<ListBackfillsRequest>,
    ) -> Answer<ListBackfillsResponse> {
        let connector = request.into_inner().connector;
        let backfills: Vec<BackfillSummary> = self.all_backfills(&connector).await?;
        Ok(Response::new(ListBackfillsResponse { backfills }))
    }

    async fn cancel_backfill(
        &self,
        request: Request<CancelBackfillRequest>,
    ) -> Answer<CancelBackfillResponse> {
        let CancelBackfillRequest {
            connector,
            backfill,
        } = request.into_inner();
        self.cancelled_backfill(&connector, backfill).await?;
        Ok(Response::new(CancelBackfillResponse {}))
    }

    async fn list_proposals(
        &self,
        request: Request<ListProposalsRequest>,
    ) -> Answer<ListProposalsResponse> {
        let page = self.proposals(request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn get_proposal(
        &self,
        request: Request<GetProposalRequest>,
    ) -> Answer<GetProposalResponse> {
        let proposal = Some(self.proposal(request.into_inner().proposal).await?);
        Ok(Response::new(GetProposalResponse { proposal }))
    }

    async fn approve_proposal(
        &self,
        request: Request<ApproveProposalRequest>,
    ) -> Answer<ApproveProposalResponse> {
        let approved = self.approved(request.into_inner()).await?;
        Ok(Response::new(approved))
    }

    async fn reject_proposal(
        &self,
        request: Request<RejectProposalRequest>,
    ) -> Answer<RejectProposalResponse> {
        self.rejected(request.into_inner()).await?;
        Ok(Response::new(RejectProposalResponse {}))
    }

    async fn withdraw_proposal(
        &self,
        request: Request<WithdrawProposalRequest>,
    ) -> Answer<WithdrawProposalResponse> {
        self.withdrawn(request.into_inner().proposal).await?;
        Ok(Response::new(WithdrawProposalResponse {}))
    }

    async fn check_report(
        &self,
        request: Request<CheckReportRequest>,
    ) -> Answer<CheckReportResponse> {
        let found = self.report_checked(request.into_inner()).await?;
        Ok(Response::new(found))
    }

    async fn list_held(&self, _: Request<ListHeldRequest>) -> Answer<ListHeldResponse> {
        Err(not_there())
    }

    // The log is passed on as the server writes it: there is nothing to read in it.
    async fn log(&self, _: Request<LogRequest>) -> Answer<Self::LogStream> {
        Err(not_there())
    }

    async fn list_exceptions(
        &self,
        _: Request<ListExceptionsRequest>,
    ) -> Answer<ListExceptionsResponse> {
        Err(not_there())
    }

    async fn find_items(&self, _: Request<FindItemsRequest>) -> Answer<FindItemsResponse> {
        Err(not_there())
    }

    async fn archived(&self, _: Request<ArchivedRequest>) -> Answer<Self::ArchivedStream> {
        Err(not_there())
    }

    async fn manifests(&self, _: Request<ManifestsRequest>) -> Answer<Self::ManifestsStream> {
        Err(not_there())
    }
}
