use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use chatkeep_proto::v1::{
    self, CapturedFile, Chunk, ClaimAnswer, Presence, Session, ledger_server::Ledger,
};
use tonic::{Request, Response, Status};

/// As much of a ledger as ingestion asks for.
#[derive(Clone, Default)]
pub(crate) struct FakeLedger(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) run: v1::Run,
    pub(crate) files: HashMap<(u32, String), CapturedFile>,
    pub(crate) claims: HashMap<Vec<u8>, Claim>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) rosters: BTreeMap<String, Vec<Presence>>,
    pub(crate) cursors: HashMap<String, v1::Cursor>,
    /// Whether the conversation that is claimed right now is a copy.
    is_copy: bool,
}

pub(crate) struct Claim {
    pub(crate) task: String,
    pub(crate) entry: u32,
    pub(crate) session: Option<Session>,
}

impl FakeLedger {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn claim(&mut self, task: &str, record: &v1::RecordClaim) -> ClaimAnswer {
        let near = |session: &&Session| {
            let ours = record.session.as_ref().unwrap();
            let is_of_one_origin = !ours.origin.is_empty() && session.origin == ours.origin;
            !is_of_one_origin
                && session.participants == ours.participants
                && session.start.abs_diff(ours.start) <= 2
        };
        let others = self.claims.iter().filter(|(id, _)| **id != record.id[..]);
        let sessions = others.filter_map(|(_, claim)| claim.session.as_ref());
        let candidates: Vec<Session> = match &record.session {
            Some(_) => sessions.filter(near).cloned().collect(),
            None => Vec::new(),
        };
        let sequence = record
            .session
            .as_ref()
            .map(|session| session.sequence.clone());
        let is_copy = candidates
            .iter()
            .any(|other| Some(&other.sequence) == sequence.as_ref());
        if let Some(claim) = self.claims.get(&record.id[..]) {
            return ClaimAnswer {
                yours: claim.task == task,
                similar: candidates,
            };
        }
        self.is_copy = is_copy || record.follows && self.is_copy;
        if self.is_copy {
            return ClaimAnswer::default();
        }
        let claim = Claim {
            task: task.to_owned(),
            entry: record.entry,
            session: record.session.clone(),
        };
        self.claims.insert(record.id.to_vec(), claim);
        ClaimAnswer {
            yours: true,
            similar: candidates,
        }
    }
}

fn not_asked<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("ingestion does not ask for this"))
}

#[tonic::async_trait]
impl Ledger for FakeLedger {
    async fn get_run(&self, _: Request<v1::GetRunRequest>) -> Result<Response<v1::Run>, Status> {
        Ok(Response::new(self.state().run.clone()))
    }

    async fn known_files(
        &self,
        request: Request<v1::KnownFilesRequest>,
    ) -> Result<Response<v1::KnownFilesResponse>, Status> {
        let request = request.into_inner();
        let state = self.state();
        let known = request.paths.into_iter().filter_map(|path| {
            let file = state.files.get(&(request.source, path));
            file.cloned()
        });
        let files = known.collect();
        Ok(Response::new(v1::KnownFilesResponse { files }))
    }

    async fn cursor(
        &self,
        request: Request<v1::CursorRequest>,
    ) -> Result<Response<v1::Cursor>, Status> {
        let database = request.into_inner().database;
        let cursor = self.state().cursors.get(&database).cloned();
        Ok(Response::new(cursor.unwrap_or_default()))
    }

    async fn known_records(
        &self,
        request: Request<v1::KnownRecordsRequest>,
    ) -> Result<Response<v1::KnownRecordsResponse>, Status> {
        let request = request.into_inner();
        let state = self.state();
        let is_known = |record: &v1::RecordKey| {
            let claim = state.claims.get(&record.id[..]);
            claim.is_some_and(|claim| claim.task != request.task)
        };
        let known = request.records.iter().map(is_known).collect();
        Ok(Response::new(v1::KnownRecordsResponse { known }))
    }

    async fn claim(
        &self,
        request: Request<v1::ClaimRequest>,
    ) -> Result<Response<v1::ClaimResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.state();
        let records = request.records.iter();
        let answers = records
            .map(|record| state.claim(&request.task, record))
            .collect();
        Ok(Response::new(v1::ClaimResponse { answers }))
    }

    async fn captures(
        &self,
        _: Request<v1::CapturesRequest>,
    ) -> Result<Response<v1::CapturesResponse>, Status> {
        let chunks = self.state().chunks.clone();
        Ok(Response::new(v1::CapturesResponse { chunks }))
    }

    async fn rosters(
        &self,
        request: Request<v1::RostersRequest>,
    ) -> Result<Response<v1::RostersResponse>, Status> {
        let state = self.state();
        let rooms = request.into_inner().rooms.into_iter();
        let present = rooms.filter_map(|room| state.rosters.get(&room).cloned());
        let present = present.flatten().collect();
        Ok(Response::new(v1::RostersResponse { present }))
    }

    async fn room_days(
        &self,
        _: Request<v1::RoomDaysRequest>,
    ) -> Result<Response<v1::RoomDays>, Status> {
        not_asked()
    }

    async fn held(
        &self,
        _: Request<v1::HeldRequest>,
    ) -> Result<Response<v1::HeldResponse>, Status> {
        not_asked()
    }

    async fn complete(
        &self,
        _: Request<v1::CompleteRequest>,
    ) -> Result<Response<v1::CompleteResponse>, Status> {
        not_asked()
    }

    async fn fail(
        &self,
        _: Request<v1::FailRequest>,
    ) -> Result<Response<v1::FailResponse>, Status> {
        not_asked()
    }

    async fn lease(
        &self,
        _: Request<v1::LeaseRequest>,
    ) -> Result<Response<v1::LeaseResponse>, Status> {
        not_asked()
    }

    async fn deliveries(
        &self,
        _: Request<v1::DeliveriesRequest>,
    ) -> Result<Response<v1::DeliveriesResponse>, Status> {
        not_asked()
    }

    async fn journal(
        &self,
        _: Request<v1::JournalRequest>,
    ) -> Result<Response<v1::JournalResponse>, Status> {
        not_asked()
    }

    async fn secret(
        &self,
        _: Request<v1::SecretRequest>,
    ) -> Result<Response<v1::SecretResponse>, Status> {
        not_asked()
    }

    async fn lend_secret(
        &self,
        _: Request<v1::LendSecretRequest>,
    ) -> Result<Response<v1::SecretResponse>, Status> {
        not_asked()
    }

    async fn report_copies(
        &self,
        _: Request<v1::ReportCopiesRequest>,
    ) -> Result<Response<v1::ReportCopiesResponse>, Status> {
        not_asked()
    }
}
