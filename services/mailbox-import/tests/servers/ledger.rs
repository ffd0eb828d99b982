//! A ledger in memory: leases, deliveries and the import journal.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatkeep_pipeline::LedgerClient;
use chatkeep_proto::v1::{
    ledger_server::{Ledger, LedgerServer},
    *,
};
use chatkeep_runtime::in_process;
use tonic::{Request, Response, Status};

/// Control's side of an import.
#[derive(Clone, Default)]
pub(crate) struct FakeLedger(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) connector_file: String,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) outcomes: HashMap<i64, (DeliveryState, String, i64)>,
    pub(crate) journal: Vec<Begun>,
    pub(crate) fence: u64,
    /// How long the lease to send lasts.
    pub(crate) term: Duration,
    /// How long a new holder waits when something is open.
    pub(crate) settled_in: Duration,
    /// How long an entry in the journal takes.
    pub(crate) writing: Duration,
    /// How many entries in the journal were begun.
    pub(crate) entries: usize,
    pub(crate) commits: usize,
    pub(crate) copies_removed: u32,
    /// After so many commits another holder takes the lease.
    pub(crate) commits_until_taken_over: Option<usize>,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

impl FakeLedger {
    pub(crate) fn client(&self) -> LedgerClient {
        LedgerClient::new(in_process(LedgerServer::new(self.clone())))
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    /// How many deliveries came to this, with what reasons.
    pub(crate) fn count(&self, state: DeliveryState) -> usize {
        let is = |outcome: &&(DeliveryState, String, i64)| outcome.0 == state;
        self.with(|ledger| ledger.outcomes.values().filter(is).count())
    }

    pub(crate) fn reason(&self, delivery: i64) -> String {
        self.with(|ledger| ledger.outcomes[&delivery].1.clone())
    }

    pub(crate) fn state(&self, delivery: i64) -> DeliveryState {
        self.with(|ledger| ledger.outcomes[&delivery].0)
    }
}

impl State {
    fn is_open(&self, id: i64) -> bool {
        let mut journal = self.journal.iter();
        journal.any(|begun| begun.deliveries.contains(&id))
    }

    fn waits(&self, id: i64) -> bool {
        match self.outcomes.get(&id) {
            None => true,
            Some((DeliveryState::Waiting, _, not_before)) => *not_before <= now(),
            Some(_) => false,
        }
    }

    fn is_final(&self, id: i64) -> bool {
        let outcome = self.outcomes.get(&id);
        outcome.is_some_and(|(state, ..)| *state != DeliveryState::Waiting)
    }
}

macro_rules! not_asked {
    ($($name:ident: $request:ident -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl Ledger for FakeLedger {
            $(
                async fn $name(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                    Err(Status::unimplemented(stringify!($name)))
                }
            )*

            async fn get_run(&self, request: Request<GetRunRequest>) -> Result<Response<Run>, Status> {
                Ok(Response::new(Run {
                    id: request.into_inner().run,
                    connector_file: self.with(|ledger| ledger.connector_file.clone()),
                    directory: Some(Blob::default()),
                    ..Run::default()
                }))
            }

            async fn lease(&self, _: Request<LeaseRequest>) -> Result<Response<LeaseResponse>, Status> {
                Ok(Response::new(self.with(|ledger| {
                    ledger.fence += 1;
                    let mut open = Vec::new();
                    for begun in &ledger.journal {
                        let mut deliveries = begun.deliveries.clone();
                        deliveries.retain(|id| !ledger.is_final(*id));
                        open.push(OpenBatch {
                            mailbox: begun.mailbox.clone(),
                            uid_validity: begun.uid_validity,
                            uid_next: begun.uid_next,
                            deliveries,
                        });
                    }
                    let settled_in = if open.is_empty() { Duration::ZERO } else { ledger.settled_in };
                    LeaseResponse {
                        fence: ledger.fence,
                        open,
                        settled_in: millis(settled_in),
                        term: millis(ledger.term),
                    }
                })))
            }

            async fn deliveries(
                &self,
                request: Request<DeliveriesRequest>,
            ) -> Result<Response<DeliveriesResponse>, Status> {
                let request = request.into_inner();
                let after = (request.after_mailbox.clone(), request.after_delivery);
                Ok(Response::new(self.with(|ledger| {
                    let mut deliveries: Vec<_> = ledger
                        .deliveries
                        .iter()
                        .filter(|delivery| (delivery.mailbox.clone(), delivery.id) > after)
                        .filter(|delivery| ledger.waits(delivery.id))
                        .filter(|delivery| request.begun_too || !ledger.is_open(delivery.id))
                        .cloned()
                        .collect();
                    deliveries.sort_by_key(|delivery| (delivery.mailbox.clone(), delivery.id));
                    deliveries.truncate(usize::try_from(request.limit).unwrap());
                    DeliveriesResponse { deliveries }
                })))
            }

            async fn journal(
                &self,
                request: Request<JournalRequest>,
            ) -> Result<Response<JournalResponse>, Status> {
                let request = request.into_inner();
                let writing = self.with(|ledger| {
                    ledger.entries += 1;
                    ledger.writing
                });
                tokio::time::sleep(writing).await;
                self.with(|ledger| {
                    if request.fence != ledger.fence {
                        return Err(Status::failed_precondition("lease was taken over"));
                    }
                    ledger.commits += 1;
                    if ledger.commits_until_taken_over == Some(ledger.commits) {
                        ledger.fence += 1;
                    }
                    for settled in &request.settled {
                        ledger.copies_removed += settled.copies_removed;
                        for begun in &mut ledger.journal {
                            begun.deliveries.retain(|id| *id != settled.delivery);
                        }
                        if !ledger.is_final(settled.delivery) {
                            let outcome =
                                (settled.state(), settled.reason.clone(), settled.not_before);
                            ledger.outcomes.insert(settled.delivery, outcome);
                        }
                    }
                    ledger.journal.retain(|begun| !begun.deliveries.is_empty());
                    ledger.journal.extend(request.begun);
                    Ok(Response::new(JournalResponse {}))
                })
            }

            async fn report_copies(
                &self,
                request: Request<ReportCopiesRequest>,
            ) -> Result<Response<ReportCopiesResponse>, Status> {
                let copies = request.into_inner().copies;
                self.with(|ledger| ledger.copies_removed += copies);
                Ok(Response::new(ReportCopiesResponse {}))
            }
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
    complete: CompleteRequest -> CompleteResponse;
    fail: FailRequest -> FailResponse;
    secret: SecretRequest -> SecretResponse;
    lend_secret: LendSecretRequest -> SecretResponse;
}
