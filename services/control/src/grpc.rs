//! The gRPC side of the ledger. Answers carry codes and static words, never content.

mod access;
mod change;
mod control;

use std::{error::Error, sync::Arc, time::Duration};

use chatkeep_proto::v1::{
    CapturesRequest, CapturesResponse, ClaimRequest, ClaimResponse, CompleteRequest,
    CompleteResponse, Cursor, CursorRequest, DeliveriesRequest, DeliveriesResponse, FailRequest,
    FailResponse, GetRunRequest, HeldRequest, HeldResponse, JournalRequest, JournalResponse,
    KnownFilesRequest, KnownFilesResponse, KnownRecordsRequest, KnownRecordsResponse, LeaseRequest,
    LeaseResponse, LendSecretRequest, ReportCopiesRequest, ReportCopiesResponse, RoomDays,
    RoomDaysRequest, RostersRequest, RostersResponse, Run, SecretRequest, SecretResponse,
    ledger_server,
};
use tonic::{Request, Response, Status};

use crate::{error::LedgerError, ledger::Ledger};

pub use self::{access::AccessGrpc, control::ControlGrpc};

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

/// How often a call is tried in which another transaction comes in the way.
const TRIES: u32 = 5;
/// Pause before the second try; twice as long before each that follows.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes a call, and turns an error into an answer.
async fn insist<R, T, F>(ledger: &Ledger, request: R, call: impl Fn(R) -> F) -> Result<T, Status>
where
    R: Clone,
    F: Future<Output = Result<T, LedgerError>>,
{
    persist(ledger, request, call).await.map_err(status)
}

/// Makes a call; again as a whole, when another transaction came in the way. That can happen only where
/// several processes work with the ledger.
async fn persist<R, T, F>(
    ledger: &Ledger,
    request: R,
    call: impl Fn(R) -> F,
) -> Result<T, LedgerError>
where
    R: Clone,
    F: Future<Output = Result<T, LedgerError>>,
{
    let mut pause = PAUSE;
    let tries = if ledger.database.is_shared() {
        TRIES
    } else {
        1
    };
    for _ in 1..tries {
        match call(request.clone()).await {
            Err(error) if error.is_conflict() => {
                tracing::warn!(error = &error as &dyn Error, "call repeated");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            result => return result,
        }
    }
    call(request).await
}

/// Turns an error into an answer. What is not the caller's doing is logged here, once.
fn status(error: LedgerError) -> Status {
    match error {
        LedgerError::Closed(reason) => Status::failed_precondition(reason),
        LedgerError::Forbidden(reason) => Status::permission_denied(reason),
        error @ LedgerError::Changed => Status::aborted(error.to_string()),
        error @ LedgerError::Exists(_) => Status::already_exists(error.to_string()),
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

    async fn cursor(&self, request: Request<CursorRequest>) -> Answer<Cursor> {
        let cursor = self.ledger.cursor(request.into_inner()).await;
        cursor.map(Response::new).map_err(status)
    }

    async fn known_records(
        &self,
        request: Request<KnownRecordsRequest>,
    ) -> Answer<KnownRecordsResponse> {
        let known = self
            .ledger
            .known_records(request.into_inner())
            .await
            .map_err(status)?;
        Ok(Response::new(KnownRecordsResponse { known }))
    }

    async fn claim(&self, request: Request<ClaimRequest>) -> Answer<ClaimResponse> {
        let claim = |request| self.ledger.claim(request);
        let answers = insist(&self.ledger, request.into_inner(), claim).await?;
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

    async fn room_days(&self, request: Request<RoomDaysRequest>) -> Answer<RoomDays> {
        let days = self.ledger.room_days(request.into_inner()).await;
        days.map(Response::new).map_err(status)
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
        let complete = |request| self.ledger.complete(request);
        insist(&self.ledger, request.into_inner(), complete).await?;
        Ok(Response::new(CompleteResponse {}))
    }

    async fn fail(&self, request: Request<FailRequest>) -> Answer<FailResponse> {
        let FailRequest { task, reason } = request.into_inner();
        let fail = |()| self.ledger.fail(&task, &reason);
        insist(&self.ledger, (), fail).await?;
        Ok(Response::new(FailResponse {}))
    }

    async fn lease(&self, request: Request<LeaseRequest>) -> Answer<LeaseResponse> {
        let lease = |request| self.ledger.lease(request);
        let lease = insist(&self.ledger, request.into_inner(), lease).await;
        lease.map(Response::new)
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
        let journal = |request| self.ledger.journal(request);
        insist(&self.ledger, request.into_inner(), journal).await?;
        Ok(Response::new(JournalResponse {}))
    }

    async fn lend_secret(&self, request: Request<LendSecretRequest>) -> Answer<SecretResponse> {
        let (deed, request) = change::asked(request, "secret.lend")?;
        let deed = deed.about(&request.name);
        let lend = |request| self.ledger.lend_secret(&deed, request);
        let value = change::change(&self.ledger, &deed, request, lend).await?;
        Ok(Response::new(SecretResponse { value }))
    }

    async fn secret(&self, request: Request<SecretRequest>) -> Answer<SecretResponse> {
        let secret = self.ledger.secret(request.into_inner()).await;
        let value = secret.map_err(status)?;
        Ok(Response::new(SecretResponse { value }))
    }

    async fn report_copies(
        &self,
        request: Request<ReportCopiesRequest>,
    ) -> Answer<ReportCopiesResponse> {
        let ReportCopiesRequest { task, copies } = request.into_inner();
        let report = |()| self.ledger.report_copies(&task, copies);
        insist(&self.ledger, (), report).await?;
        Ok(Response::new(ReportCopiesResponse {}))
    }
}
