//! What PostgreSQL reads for a call: what is quick with a hundred rows may take hours with ten million.

use std::time::Duration;

use chatkeep_proto::v1::{ClaimRequest, RecordClaim, Session, TaskKind};
use chatkeep_testkit::Postgres;

use crate::{
    lab::{Lab, new_task, settings},
    store,
    world::{blob, claim, item_id},
};

const PATIENCE: Duration = Duration::from_mins(1);
/// Sessions that are known, one in each second.
const KNOWN: usize = 20_000;
/// Sessions of a claim.
const CLAIMED: u32 = 100;

/// The first record of a session among the known ones.
fn session(number: u32) -> RecordClaim {
    RecordClaim {
        session: Some(Session {
            participants: blob("ann and bob").sha256,
            start: i64::from(number) * 100,
            messages: 3,
            sequence: blob("hello").sha256,
            item: item_id(number).into(),
            ..Session::default()
        }),
        ..claim(number)
    }
}

#[tokio::test]
async fn a_claim_reads_sessions_that_start_when_its_own_do_and_no_others() {
    let server = Postgres::shared().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = store::on(&server, "effort", &settings());
    let lab = Lab::open_with(folder.path(), &settings).await;
    lab.open_run().await;
    let capture = new_task(TaskKind::Capture, &blob("listing"), (0, CLAIMED));
    lab.list(vec![capture]).await;
    let task = lab.next("ingestion").await;
    let known = format!(
        "INSERT INTO effort.sessions (connector, start, record, participants, messages, sequence, item) \
         SELECT c.id, x, decode(lpad(to_hex(x), 64, '0'), 'hex'), '', 1, '', '' \
         FROM effort.connectors c, generate_series(1, {KNOWN}) x"
    );
    server.run(&known).unwrap();

    let request = ClaimRequest {
        task: task.id,
        records: (0..CLAIMED).map(session).collect(),
    };
    let answers = lab.ledger.clone().claim(request).await.unwrap();

    assert!(answers.into_inner().answers.iter().all(|one| one.yours));
    let read = read(&server).await;
    assert!(read < KNOWN / 10, "{read} sessions read");
    lab.stop().await;
}

/// How many sessions were read by index. Servers count with a delay.
async fn read(server: &Postgres) -> usize {
    let sql = "SELECT SUM(idx_tup_read) FROM pg_stat_user_indexes \
               WHERE schemaname = 'effort' AND relname = 'sessions'";
    let poll = async {
        loop {
            let read = server.run(sql).unwrap().trim().parse().unwrap();
            if read > 0 {
                return read;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap()
}
