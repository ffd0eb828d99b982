//! The gRPC side of the ledger. Answers carry codes and static words, never content.

mod control;

use std::{error::Error, sync::Arc};

use chatkeep_proto::v1::{
    CapturesRequest, CapturesResponse, ClaimRequest, ClaimResponse, CompleteRequest,
    CompleteResponse, DeliveriesRequest, DeliveriesResponse, FailRequest, FailResponse,
    GetRunRequest, HeldRequest, HeldResponse, JournalRequest, JournalResponse, KnownFilesRequest,
    KnownFilesResponse, LeaseRequest, LeaseResponse, RostersRequest, RostersResponse, Run,
    ledger_server,
};
use tonic::{Request, Response, Status};

use crate::{error::LedgerError, ledger::Ledger};

pub use self::control::ControlGrpc;

type Answer<T> = Result<Response<T>, Status>;

/// The stages' side of control.
#[derive(Clone, Debug)]
pub struct LedgerGrpc {
    ledger: Arc<Ledger>,
}

impl LedgerGrpc {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }
}

/// Turns an error into an answer. What is not the caller's doing is logged here, once.
fn status(error: LedgerError) -> Status {
    match error {
        LedgerError::Closed(reason) => Status::failed_precondition(reason),
        LedgerError::Unknown(what) => Status::not_found(format!("{what} is unknown")),
        LedgerError::Malformed(what) => {
            tracing::error!(what, "malformed request");
            Status::invalid_argument(format!("{what} is malformed"))
        }
        LedgerError::Refused { key, problem } => {
            Status::invalid_argument(format!("{key}: {problem}"))
        }
        error => {
            if let Some(outage) = error.outage() {
                tracing::warn!(error = &error as &dyn Error, "ledger is down");
                Status::unavailable(outage)
            } else {
                tracing::error!(error = &error as &dyn Error, "ledger failed");
                Status::internal("ledger failed")
            }
        }
    }
}

#[tonic::async_trait]
impl ledger_server::Ledger for LedgerGrpc {
    async fn get_run(&self, request: Request<GetRunRequest>) -> Answer<Run> {
        let run = self.ledger.get_run(request.into_inner().run).await;
        run.map(Response::new).map_err(status)
    }

    async fn known_files(&self, request: Request<KnownFilesRequest>) -> Answer<KnownFilesResponse> {
        let files = self
            .ledger
            .known_files(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(KnownFilesResponse { files }))
    }

    async fn claim(&self, request: Request<ClaimRequest>) -> Answer<ClaimResponse> {
        let answers = self
            .ledger
            .claim(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(ClaimResponse { answers }))
    }

    async fn captures(&self, request: Request<CapturesRequest>) -> Answer<CapturesResponse> {
        let chunks = self
            .ledger
            .captures(&request.into_inner().task)
            .await
            .map_err(status)?;
        Ok(Response::new(CapturesResponse { chunks }))
    }

    async fn rosters(&self, request: Request<RostersRequest>) -> Answer<RostersResponse> {
        let present = self
            .ledger
            .rosters(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(RostersResponse { present }))
    }

    async fn held(&self, request: Request<HeldRequest>) -> Answer<HeldResponse> {
        let rows = self
            .ledger
            .held(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(HeldResponse { rows }))
    }

    async fn complete(&self, request: Request<CompleteRequest>) -> Answer<CompleteResponse> {
        self.ledger
            .complete(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(CompleteResponse {}))
    }

    async fn fail(&self, request: Request<FailRequest>) -> Answer<FailResponse> {
        let FailRequest { task, reason } = request.into_inner();
        self.ledger.fail(&task, &reason).await.map_err(status)?;
        Ok(Response::new(FailResponse {}))
    }

    async fn lease(&self, request: Request<LeaseRequest>) -> Answer<LeaseResponse> {
        let lease = self.ledger.lease(request.into_inner()).await;
        lease.map(Response::new).map_err(status)
    }

    async fn deliveries(&self, request: Request<DeliveriesRequest>) -> Answer<DeliveriesResponse> {
        let deliveries = self
            .ledger
            .deliveries(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(DeliveriesResponse { deliveries }))
    }

    async fn journal(&self, request: Request<JournalRequest>) -> Answer<JournalResponse> {
        self.ledger
            .journal(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(JournalResponse {}))
    }
}
