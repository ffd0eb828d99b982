//! The ledger's tables. Integers are BIGINT, times Unix milliseconds unless a column says otherwise,
//! absent texts and bytes are empty.

use super::{
    Connection, DatabaseError,
    dialect::{BYTES, CLUSTERED, KEY},
    query,
};

/// Format of the ledger this program writes.
pub(super) const FORMAT: i64 = 1;

/// `{KEY}`, `{BYTES}` and `{CLUSTERED}` stand for the dialect's words.
const TABLES: &[&str] = &[
    "connectors (id {KEY}, name_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, domain TEXT NOT NULL,
        file TEXT NOT NULL, resolved {BYTES} NOT NULL)",
    // `number` is negative for runs that left no trace. `source` counts the sources whose listing has
    // begun, one more when all are captured; `planned` is 1 once planning is complete; `seals` counts
    // seal and addenda.
    // The n_ columns count progress, the watch_ columns final outcomes since the last start; balances
    // are computed from the rows of other tables.
    "runs (id {KEY}, connector BIGINT NOT NULL, number BIGINT NOT NULL, held_only BIGINT NOT NULL,
        kind TEXT NOT NULL, status BIGINT NOT NULL, reason TEXT NOT NULL, file TEXT NOT NULL,
        from_time BIGINT, to_time BIGINT, scheduled BIGINT NOT NULL, opened BIGINT NOT NULL,
        closed BIGINT, max_part_bytes BIGINT NOT NULL, directory {BYTES} NOT NULL,
        custom {BYTES} NOT NULL, sources BIGINT NOT NULL, source BIGINT NOT NULL,
        planned BIGINT NOT NULL,
        seals BIGINT NOT NULL, waiting BIGINT NOT NULL, n_files BIGINT NOT NULL,
        n_foreign BIGINT NOT NULL, n_unchanged BIGINT NOT NULL, n_young BIGINT NOT NULL,
        n_records BIGINT NOT NULL, n_outside BIGINT NOT NULL, n_items BIGINT NOT NULL,
        n_planned BIGINT NOT NULL, n_done BIGINT NOT NULL, n_copies BIGINT NOT NULL,
        n_earlier BIGINT NOT NULL, watch_good BIGINT NOT NULL, watch_bad BIGINT NOT NULL,
        watch_reason TEXT NOT NULL, trace TEXT NOT NULL, UNIQUE (connector, number))",
    // `name` is the task's id; `parent` is a key; items_* is the range of items a PLAN task is about;
    // `claimed` counts the records a CAPTURE task has claimed; `trace`, here and of a run, is the
    // traceparent of the call that made it, empty where nothing is traced.
    "tasks (id {KEY}, name {BYTES} NOT NULL UNIQUE, run BIGINT NOT NULL, kind BIGINT NOT NULL,
        source BIGINT NOT NULL, shard BIGINT NOT NULL,
        parent BIGINT NOT NULL, state BIGINT NOT NULL, input {BYTES} NOT NULL,
        first BIGINT NOT NULL, entries BIGINT NOT NULL, items_first BIGINT NOT NULL,
        items_count BIGINT NOT NULL, records_read BIGINT NOT NULL, claimed BIGINT NOT NULL,
        reason TEXT NOT NULL, trace TEXT NOT NULL)",
    "files (connector BIGINT NOT NULL, source BIGINT NOT NULL, path TEXT NOT NULL,
        size BIGINT NOT NULL, modified BIGINT NOT NULL, sha256 {BYTES} NOT NULL,
        item {BYTES} NOT NULL, PRIMARY KEY (connector, source, path)) {CLUSTERED}",
    // Binds while its task is open or done.
    "claims (connector BIGINT NOT NULL, day BIGINT NOT NULL, record {BYTES} NOT NULL,
        task BIGINT NOT NULL, PRIMARY KEY (connector, day, record)) {CLUSTERED}",
    // Entries of `asker` with records that `holder` had claimed and not captured yet. Empty when the
    // run's captures are complete.
    "contested (run BIGINT NOT NULL, holder BIGINT NOT NULL, asker BIGINT NOT NULL,
        entry BIGINT NOT NULL, PRIMARY KEY (run, asker, entry, holder)) {CLUSTERED}",
    // `start` in seconds.
    "sessions (connector BIGINT NOT NULL, start BIGINT NOT NULL, record {BYTES} NOT NULL,
        participants {BYTES} NOT NULL, messages BIGINT NOT NULL, sequence {BYTES} NOT NULL,
        item {BYTES} NOT NULL, PRIMARY KEY (connector, start, record)) {CLUSTERED}",
    "duplicates (task BIGINT NOT NULL, ordinal BIGINT NOT NULL, record {BYTES} NOT NULL,
        PRIMARY KEY (task, ordinal)) {CLUSTERED}",
    "exclusions (task BIGINT NOT NULL, rule TEXT NOT NULL, records BIGINT NOT NULL,
        PRIMARY KEY (task, rule)) {CLUSTERED}",
    "quarantined (id {KEY}, run BIGINT NOT NULL, task BIGINT NOT NULL, source TEXT NOT NULL,
        reason TEXT NOT NULL, records BIGINT NOT NULL, original {BYTES} NOT NULL)",
    // `open` is 1 for records of a day not yet over; `taken` is the run that assembles them.
    "chunks (id {KEY}, connector BIGINT NOT NULL, run BIGINT NOT NULL, source BIGINT NOT NULL,
        open BIGINT NOT NULL, records BIGINT NOT NULL, taken BIGINT NOT NULL,
        chunk {BYTES} NOT NULL)",
    "rosters (connector BIGINT NOT NULL, room TEXT NOT NULL, address TEXT NOT NULL,
        participant {BYTES} NOT NULL, PRIMARY KEY (connector, room, address)) {CLUSTERED}",
    // What one CONVERT task rendered: items first .. first + items. `hashes` repeats hash and date of
    // each, so that planning reads one row; empty when an item existed before.
    "batches (id {KEY}, run BIGINT NOT NULL, task BIGINT NOT NULL, input {BYTES} NOT NULL,
        blob {BYTES} NOT NULL, first BIGINT NOT NULL, items BIGINT NOT NULL,
        hashes {BYTES} NOT NULL)",
    // `date` in seconds; `info` is the encoded Item without its id; `lost` is 1 when it was
    // quarantined after rendering.
    "items (id {KEY}, batch BIGINT NOT NULL, date BIGINT NOT NULL, hash {BYTES} NOT NULL,
        records BIGINT NOT NULL, lost BIGINT NOT NULL, info {BYTES} NOT NULL,
        UNIQUE (date, hash))",
    // The plan rows of an item, encoded, as they were first planned, and how many deliveries they make.
    "plans (item {KEY}, planned BIGINT NOT NULL, plan {BYTES} NOT NULL)",
    "held (id {KEY}, connector BIGINT NOT NULL, run BIGINT NOT NULL, item BIGINT NOT NULL,
        hash {BYTES} NOT NULL, participant TEXT NOT NULL, email TEXT NOT NULL,
        conflict BIGINT NOT NULL, state BIGINT NOT NULL, mailbox TEXT NOT NULL,
        since BIGINT NOT NULL)",
    "externals (run BIGINT NOT NULL, participant TEXT NOT NULL, items BIGINT NOT NULL,
        PRIMARY KEY (run, participant)) {CLUSTERED}",
    "mailboxes (id {KEY}, connector BIGINT NOT NULL, address TEXT NOT NULL, shard BIGINT NOT NULL,
        pending BIGINT NOT NULL, UNIQUE (connector, address))",
    "deliveries (id {KEY}, item BIGINT NOT NULL, mailbox BIGINT NOT NULL, run BIGINT NOT NULL,
        date BIGINT NOT NULL, state BIGINT NOT NULL DEFAULT 0,
        not_before BIGINT NOT NULL DEFAULT 0, failures BIGINT NOT NULL DEFAULT 0,
        settled BIGINT NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
        UNIQUE (item, mailbox))",
    // What waits for one shard's mailboxes of one connector. `since`: the oldest that no task was
    // opened for; `due`: all wait until then.
    "lanes (connector BIGINT NOT NULL, shard BIGINT NOT NULL, waiting BIGINT NOT NULL,
        ripe BIGINT NOT NULL, since BIGINT NOT NULL, due BIGINT NOT NULL,
        PRIMARY KEY (connector, shard)) {CLUSTERED}",
    // `task`: the open import task, `releases` counts them; `fence` counts holds.
    "shards (shard BIGINT NOT NULL PRIMARY KEY, task BIGINT NOT NULL, releases BIGINT NOT NULL,
        fence BIGINT NOT NULL) {CLUSTERED}",
    // Batches that were begun and not settled; `begun` is when their holder was given leave to send
    // them; `deliveries` are keys, 8 bytes each.
    "journal (id {KEY}, connector BIGINT NOT NULL, shard BIGINT NOT NULL, mailbox BIGINT NOT NULL,
        uid_validity BIGINT NOT NULL, uid_next BIGINT NOT NULL, begun BIGINT NOT NULL,
        deliveries {BYTES} NOT NULL)",
    "seals (id {KEY}, connector BIGINT NOT NULL, number BIGINT NOT NULL, run BIGINT NOT NULL,
        kind TEXT NOT NULL, file TEXT NOT NULL, sha256 {BYTES} NOT NULL, sealed BIGINT NOT NULL,
        balance TEXT NOT NULL, UNIQUE (connector, number))",
];

const INDEXES: &[&str] = &[
    "runs_active ON runs (status, connector)",
    "tasks_of_run ON tasks (run, kind)",
    "tasks_open ON tasks (kind, run, id) WHERE state = 0",
    "quarantined_of_run ON quarantined (run)",
    "chunks_of_run ON chunks (run)",
    "chunks_open ON chunks (connector, source) WHERE taken = 0",
    "batches_of_run ON batches (run)",
    "batches_by_items ON batches (first)",
    "held_of_run ON held (run, state)",
    "held_of_item ON held (item)",
    "held_pages ON held (connector, id) WHERE state = 0",
    "held_open ON held (connector, participant, hash) WHERE state = 0",
    "mailboxes_of_shard ON mailboxes (shard, address)",
    "deliveries_waiting ON deliveries (mailbox, date, id) WHERE state = 0",
    "journal_of_shard ON journal (shard, connector)",
    "seals_of_run ON seals (run)",
];

/// Creates what is missing. Returns the format the ledger has.
pub(super) async fn create(tx: &mut Connection) -> Result<i64, DatabaseError> {
    let format = query("CREATE TABLE IF NOT EXISTS format (version BIGINT NOT NULL)");
    format.execute(tx).await?;
    let version = query("SELECT version FROM format")
        .fetch_optional(tx)
        .await?;
    if let Some(version) = version {
        return version.int(0);
    }
    for table in TABLES {
        let table = table
            .replace("{KEY}", KEY)
            .replace("{BYTES}", BYTES)
            .replace("{CLUSTERED}", CLUSTERED);
        query(format!("CREATE TABLE {table}")).execute(tx).await?;
    }
    for index in INDEXES {
        query(format!("CREATE INDEX {index}")).execute(tx).await?;
    }
    let insert = query("INSERT INTO format (version) VALUES ($1)").bind(FORMAT);
    insert.execute(tx).await?;
    Ok(FORMAT)
}
