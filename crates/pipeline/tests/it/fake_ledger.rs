use std::sync::{Arc, Mutex};

use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{self as wire, ledger_server};
use tonic::{Request, Response, Status};

/// Remembers what workers tell the ledger.
#[derive(Clone, Default)]
pub(crate) struct FakeLedger(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    completed: Vec<String>,
    failed: Vec<(String, String)>,
}

impl FakeLedger {
    pub(crate) fn client(&self) -> LedgerClient {
        let server = ledger_server::LedgerServer::new(self.clone());
        LedgerClient::new(chatkeep_runtime::in_process(server))
    }

    pub(crate) fn completed(&self) -> Vec<String> {
        self.0.lock().unwrap().completed.clone()
    }

    pub(crate) fn failed(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().failed.clone()
    }
}

macro_rules! not_asked {
    ($($call:ident: $request:ident -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl ledger_server::Ledger for FakeLedger {
            async fn complete(
                &self,
                request: Request<wire::CompleteRequest>,
            ) -> Result<Response<wire::CompleteResponse>, Status> {
                self.0.lock().unwrap().completed.push(request.into_inner().task);
                Ok(Response::new(wire::CompleteResponse {}))
            }

            async fn fail(
                &self,
                request: Request<wire::FailRequest>,
            ) -> Result<Response<wire::FailResponse>, Status> {
                let request = request.into_inner();
                self.0.lock().unwrap().failed.push((request.task, request.reason));
                Ok(Response::new(wire::FailResponse {}))
            }

            $(async fn $call(
                &self,
                _request: Request<wire::$request>,
            ) -> Result<Response<wire::$response>, Status> {
                Err(Status::unimplemented("not asked by a worker"))
            })*
        }
    };
}

not_asked! {
    get_run: GetRunRequest -> Run;
    known_files: KnownFilesRequest -> KnownFilesResponse;
    cursor: CursorRequest -> Cursor;
    known_records: KnownRecordsRequest -> KnownRecordsResponse;
    claim: ClaimRequest -> ClaimResponse;
    captures: CapturesRequest -> CapturesResponse;
    room_days: RoomDaysRequest -> RoomDays;
    rosters: RostersRequest -> RostersResponse;
    held: HeldRequest -> HeldResponse;
    lease: LeaseRequest -> LeaseResponse;
    deliveries: DeliveriesRequest -> DeliveriesResponse;
    journal: JournalRequest -> JournalResponse;
    secret: SecretRequest -> SecretResponse;
    report_copies: ReportCopiesRequest -> ReportCopiesResponse;
}
