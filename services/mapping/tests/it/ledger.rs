//! A ledger that hands out one run and its held rows and remembers completions.

use std::sync::{Arc, Mutex};

use chatkeep_proto::v1::{
    CapturesRequest, CapturesResponse, ClaimRequest, ClaimResponse, CompleteRequest,
    CompleteResponse, Cursor, CursorRequest, DeliveriesRequest, DeliveriesResponse, FailRequest,
    FailResponse, GetRunRequest, HeldRequest, HeldResponse, HeldRow, JournalRequest,
    JournalResponse, KnownFilesRequest, KnownFilesResponse, KnownRecordsRequest,
    KnownRecordsResponse, LeaseRequest, LeaseResponse, LendSecretRequest, ReportCopiesRequest,
    ReportCopiesResponse, RoomDays, RoomDaysRequest, RostersRequest, RostersResponse, Run,
    SecretRequest, SecretResponse, ledger_server::Ledger,
};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) run: Mutex<Run>,
    pub(crate) held: Mutex<Vec<HeldRow>>,
    pub(crate) completed: Mutex<Vec<CompleteRequest>>,
    pub(crate) failed: Mutex<Vec<FailRequest>>,
    pub(crate) changed: Notify,
}

#[derive(Clone, Default)]
pub(crate) struct FakeLedger(pub(crate) Arc<State>);

macro_rules! unused {
    ($($name:ident($request:ty) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl Ledger for FakeLedger {
            async fn get_run(&self, _: Request<GetRunRequest>) -> Result<Response<Run>, Status> {
                Ok(Response::new(self.0.run.lock().unwrap().clone()))
            }

            async fn held(
                &self,
                request: Request<HeldRequest>,
            ) -> Result<Response<HeldResponse>, Status> {
                let request = request.into_inner();
                let held = self.0.held.lock().unwrap();
                let page = held.iter().filter(|row| row.row > request.after);
                let rows = page.take(request.limit as usize).cloned().collect();
                Ok(Response::new(HeldResponse { rows }))
            }

            async fn complete(
                &self,
                request: Request<CompleteRequest>,
            ) -> Result<Response<CompleteResponse>, Status> {
                self.0.completed.lock().unwrap().push(request.into_inner());
                self.0.changed.notify_one();
                Ok(Response::new(CompleteResponse {}))
            }

            async fn fail(
                &self,
                request: Request<FailRequest>,
            ) -> Result<Response<FailResponse>, Status> {
                self.0.failed.lock().unwrap().push(request.into_inner());
                self.0.changed.notify_one();
                Ok(Response::new(FailResponse {}))
            }

            async fn lend_secret(
                &self,
                _: Request<LendSecretRequest>,
            ) -> Result<Response<SecretResponse>, Status> {
                // Everything that is named may be read.
                Ok(Response::new(SecretResponse::default()))
            }

            $(async fn $name(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Status::unimplemented("not asked by mapping"))
            })*
        }
    };
}

unused! {
    known_files(KnownFilesRequest) -> KnownFilesResponse;
    cursor(CursorRequest) -> Cursor;
    known_records(KnownRecordsRequest) -> KnownRecordsResponse;
    claim(ClaimRequest) -> ClaimResponse;
    captures(CapturesRequest) -> CapturesResponse;
    room_days(RoomDaysRequest) -> RoomDays;
    rosters(RostersRequest) -> RostersResponse;
    lease(LeaseRequest) -> LeaseResponse;
    deliveries(DeliveriesRequest) -> DeliveriesResponse;
    journal(JournalRequest) -> JournalResponse;
    secret(SecretRequest) -> SecretResponse;
    report_copies(ReportCopiesRequest) -> ReportCopiesResponse;
}
