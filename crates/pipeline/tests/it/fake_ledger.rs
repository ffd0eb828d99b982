use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{self as wire, ledger_server};
use tonic::{Request, Response, Status};

/// Remembers what workers tell the ledger, and tells them of one run.
#[derive(Clone, Default)]
pub(crate) struct FakeLedger(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    completed: Vec<String>,
    failed: Vec<(String, String)>,
    connector_file: String,
    /// By task and name.
    secrets: HashMap<(String, String), String>,
}

impl FakeLedger {
    pub(crate) fn client(&self) -> LedgerClient {
        let server = ledger_server::LedgerServer::new(self.clone());
        LedgerClient::new(chatkeep_runtime::in_process(server))
    }

    pub(crate) fn open_run(&self, connector_file: &str) {
        connector_file.clone_into(&mut self.0.lock().unwrap().connector_file);
    }

    pub(crate) fn store_secret(&self, task: &str, name: &str, value: &str) {
        let key = (task.to_owned(), name.to_owned());
        self.0.lock().unwrap().secrets.insert(key, value.to_owned());
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

            async fn get_run(
                &self,
                request: Request<wire::GetRunRequest>,
            ) -> Result<Response<wire::Run>, Status> {
                Ok(Response::new(wire::Run {
                    id: request.into_inner().run,
                    connector_file: self.0.lock().unwrap().connector_file.clone(),
                    // Pinned: such a run is remembered.
                    directory: Some(wire::Blob::default()),
                    ..wire::Run::default()
                }))
            }

            async fn secret(
                &self,
                request: Request<wire::SecretRequest>,
            ) -> Result<Response<wire::SecretResponse>, Status> {
                let wire::SecretRequest { task, name } = request.into_inner();
                let secret = self.0.lock().unwrap().secrets.get(&(task, name)).cloned();
                let value = secret.ok_or_else(|| Status::not_found("secret is unknown"))?;
                Ok(Response::new(wire::SecretResponse { value }))
            }

            /// Lends what was stored for who asks, as if they were a task.
            async fn lend_secret(
                &self,
                request: Request<wire::LendSecretRequest>,
            ) -> Result<Response<wire::SecretResponse>, Status> {
                let actor = wire::Actor::from_metadata(request.metadata())?;
                let subject = actor.unwrap_or_default().subject;
                let key = (subject, request.into_inner().name);
                let secret = self.0.lock().unwrap().secrets.get(&key).cloned();
                let value = secret.ok_or_else(|| Status::not_found("secret is unknown"))?;
                Ok(Response::new(wire::SecretResponse { value }))
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
    report_copies: ReportCopiesRequest -> ReportCopiesResponse;
}
