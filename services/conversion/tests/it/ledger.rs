//! A ledger that knows one run.

use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{
    self,
    ledger_server::{Ledger, LedgerServer},
};
use tonic::{Request, Response, Status};

const CONNECTOR: &str = r#"
name = "Test"
domain = "archive.contoso.com"
[[sources]]
type = "archiving-export"
path = "/exports"
[directory]
type = "csv"
path = "/directory.csv"
[target]
type = "discard"
"#;

struct OneRun {
    max_part_bytes: u64,
}

/// A client of a ledger whose only run has number 1 and this limit.
pub(crate) fn with_run(max_part_bytes: u64) -> LedgerClient {
    let server = LedgerServer::new(OneRun { max_part_bytes });
    LedgerClient::new(chatkeep_runtime::in_process(server))
}

impl OneRun {
    fn run(&self, id: i64) -> v1::Run {
        assert_eq!(id, 1);
        v1::Run {
            id,
            connector: "contoso".to_owned(),
            connector_file: CONNECTOR.to_owned(),
            max_part_bytes: self.max_part_bytes,
            ..v1::Run::default()
        }
    }
}

macro_rules! knows_its_run_and_not {
    ($($method:ident($request:ident) -> $response:ident),*) => {
        #[tonic::async_trait]
        impl Ledger for OneRun {
            async fn get_run(
                &self,
                request: Request<v1::GetRunRequest>,
            ) -> Result<Response<v1::Run>, Status> {
                Ok(Response::new(self.run(request.get_ref().run)))
            }

            $(async fn $method(
                &self,
                _: Request<v1::$request>,
            ) -> Result<Response<v1::$response>, Status> {
                Err(Status::unimplemented("conversion does not ask this"))
            })*
        }
    };
}

knows_its_run_and_not!(
    known_files(KnownFilesRequest) -> KnownFilesResponse,
    cursor(CursorRequest) -> Cursor,
    known_records(KnownRecordsRequest) -> KnownRecordsResponse,
    claim(ClaimRequest) -> ClaimResponse,
    captures(CapturesRequest) -> CapturesResponse,
    room_days(RoomDaysRequest) -> RoomDays,
    rosters(RostersRequest) -> RostersResponse,
    held(HeldRequest) -> HeldResponse,
    complete(CompleteRequest) -> CompleteResponse,
    fail(FailRequest) -> FailResponse,
    lease(LeaseRequest) -> LeaseResponse,
    deliveries(DeliveriesRequest) -> DeliveriesResponse,
    journal(JournalRequest) -> JournalResponse,
    secret(SecretRequest) -> SecretResponse,
    lend_secret(LendSecretRequest) -> SecretResponse,
    report_copies(ReportCopiesRequest) -> ReportCopiesResponse
);
