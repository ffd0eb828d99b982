//! The ledger's tables. Integers are BIGINT, times Unix milliseconds unless a column says otherwise,
//! absent texts and bytes are empty.

#[cfg(test)]
mod tests;

use super::{Connection, DatabaseError, query};

/// What made each format of the one before. A step that was published is never changed; `{KEY}`,
/// `{BYTES}` and `{CLUSTERED}` stand for the dialect's words.
const STEPS: [&[&[&str]]; 11] = [
    &[TABLES, INDEXES],
    &[DIRECTORS],
    &[SCHEDULES],
    &[JANITOR],
    &[ORDER],
    &[NEWEST, DATABASES, ROOMS],
    &[FINDINGS, HOURS, COVERAGE, MIRRORS],
    &[VERSIONS, AUDIT, SIGN_INS, SECRETS],
    &[LISTED],
    &[TRACED, REPORTS, PROPOSALS, PLACES],
    &[FORGOTTEN],
];

/// Format of the ledger this program writes.
pub(super) const FORMAT: i64 = 11;

const TABLES: &[&str] = &[
    "TABLE connectors (id {KEY}, name_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, domain TEXT NOT NULL,
        file TEXT NOT NULL, resolved {BYTES} NOT NULL)",
    // `number` is negative for runs that left no trace. `source` counts the sources whose listing has
    // begun, one more when all are captured; `planned` is 1 once planning is complete; `seals` counts
    // seal and addenda.
    // The n_ columns count progress, the watch_ columns final outcomes since the last start; balances
    // are computed from the rows of other tables.
    "TABLE runs (id {KEY}, connector BIGINT NOT NULL, number BIGINT NOT NULL, held_only BIGINT NOT NULL,
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
    "TABLE tasks (id {KEY}, name {BYTES} NOT NULL UNIQUE, run BIGINT NOT NULL, kind BIGINT NOT NULL,
        source BIGINT NOT NULL, shard BIGINT NOT NULL,
        parent BIGINT NOT NULL, state BIGINT NOT NULL, input {BYTES} NOT NULL,
        first BIGINT NOT NULL, entries BIGINT NOT NULL, items_first BIGINT NOT NULL,
        items_count BIGINT NOT NULL, records_read BIGINT NOT NULL, claimed BIGINT NOT NULL,
        reason TEXT NOT NULL, trace TEXT NOT NULL)",
    "TABLE files (connector BIGINT NOT NULL, source BIGINT NOT NULL, path TEXT NOT NULL,
        size BIGINT NOT NULL, modified BIGINT NOT NULL, sha256 {BYTES} NOT NULL,
        item {BYTES} NOT NULL, PRIMARY KEY (connector, source, path)) {CLUSTERED}",
    // Binds while its task is open or done.
    "TABLE claims (connector BIGINT NOT NULL, day BIGINT NOT NULL, record {BYTES} NOT NULL,
        task BIGINT NOT NULL, PRIMARY KEY (connector, day, record)) {CLUSTERED}",
    // Entries of `asker` with records that `holder` had claimed and not captured yet. Empty when the
    // run's captures are complete.
    "TABLE contested (run BIGINT NOT NULL, holder BIGINT NOT NULL, asker BIGINT NOT NULL,
        entry BIGINT NOT NULL, PRIMARY KEY (run, asker, entry, holder)) {CLUSTERED}",
    // `start` in seconds.
    "TABLE sessions (connector BIGINT NOT NULL, start BIGINT NOT NULL, record {BYTES} NOT NULL,
        participants {BYTES} NOT NULL, messages BIGINT NOT NULL, sequence {BYTES} NOT NULL,
        item {BYTES} NOT NULL, PRIMARY KEY (connector, start, record)) {CLUSTERED}",
    "TABLE duplicates (task BIGINT NOT NULL, ordinal BIGINT NOT NULL, record {BYTES} NOT NULL,
        PRIMARY KEY (task, ordinal)) {CLUSTERED}",
    "TABLE exclusions (task BIGINT NOT NULL, rule TEXT NOT NULL, records BIGINT NOT NULL,
        PRIMARY KEY (task, rule)) {CLUSTERED}",
    "TABLE quarantined (id {KEY}, run BIGINT NOT NULL, task BIGINT NOT NULL, source TEXT NOT NULL,
        reason TEXT NOT NULL, records BIGINT NOT NULL, original {BYTES} NOT NULL)",
    // `open` is 1 for records of a day not yet over; `taken` is the run that assembles them.
    "TABLE chunks (id {KEY}, connector BIGINT NOT NULL, run BIGINT NOT NULL, source BIGINT NOT NULL,
        open BIGINT NOT NULL, records BIGINT NOT NULL, taken BIGINT NOT NULL,
        chunk {BYTES} NOT NULL)",
    "TABLE rosters (connector BIGINT NOT NULL, room TEXT NOT NULL, address TEXT NOT NULL,
        participant {BYTES} NOT NULL, PRIMARY KEY (connector, room, address)) {CLUSTERED}",
    // What one CONVERT task rendered: items first .. first + items. `hashes` repeats hash and date of
    // each, so that planning reads one row; empty when an item existed before.
    "TABLE batches (id {KEY}, run BIGINT NOT NULL, task BIGINT NOT NULL, input {BYTES} NOT NULL,
        blob {BYTES} NOT NULL, first BIGINT NOT NULL, items BIGINT NOT NULL,
        hashes {BYTES} NOT NULL)",
    // `date` in seconds; `info` is the encoded Item without its id; `lost` is 1 when it was
    // quarantined after rendering.
    "TABLE items (id {KEY}, batch BIGINT NOT NULL, date BIGINT NOT NULL, hash {BYTES} NOT NULL,
        records BIGINT NOT NULL, lost BIGINT NOT NULL, info {BYTES} NOT NULL,
        UNIQUE (date, hash))",
    // The plan rows of an item, encoded, as they were first planned, and how many deliveries they make.
    "TABLE plans (item {KEY}, planned BIGINT NOT NULL, plan {BYTES} NOT NULL)",
    "TABLE held (id {KEY}, connector BIGINT NOT NULL, run BIGINT NOT NULL, item BIGINT NOT NULL,
        hash {BYTES} NOT NULL, participant TEXT NOT NULL, email TEXT NOT NULL,
        conflict BIGINT NOT NULL, state BIGINT NOT NULL, mailbox TEXT NOT NULL,
        since BIGINT NOT NULL)",
    "TABLE externals (run BIGINT NOT NULL, participant TEXT NOT NULL, items BIGINT NOT NULL,
        PRIMARY KEY (run, participant)) {CLUSTERED}",
    "TABLE mailboxes (id {KEY}, connector BIGINT NOT NULL, address TEXT NOT NULL, shard BIGINT NOT NULL,
        pending BIGINT NOT NULL, UNIQUE (connector, address))",
    "TABLE deliveries (id {KEY}, item BIGINT NOT NULL, mailbox BIGINT NOT NULL, run BIGINT NOT NULL,
        date BIGINT NOT NULL, state BIGINT NOT NULL DEFAULT 0,
        not_before BIGINT NOT NULL DEFAULT 0, failures BIGINT NOT NULL DEFAULT 0,
        settled BIGINT NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
        UNIQUE (item, mailbox))",
    // What waits for one shard's mailboxes of one connector. `since`: the oldest that no task was
    // opened for; `due`: all wait until then.
    "TABLE lanes (connector BIGINT NOT NULL, shard BIGINT NOT NULL, waiting BIGINT NOT NULL,
        ripe BIGINT NOT NULL, since BIGINT NOT NULL, due BIGINT NOT NULL,
        PRIMARY KEY (connector, shard)) {CLUSTERED}",
    // `task`: the open import task, `releases` counts them; `fence` counts holds.
    "TABLE shards (shard BIGINT NOT NULL PRIMARY KEY, task BIGINT NOT NULL, releases BIGINT NOT NULL,
        fence BIGINT NOT NULL) {CLUSTERED}",
    // Batches that were begun and not settled; `begun` is when their holder was given leave to send
    // them; `deliveries` are keys, 8 bytes each.
    "TABLE journal (id {KEY}, connector BIGINT NOT NULL, shard BIGINT NOT NULL, mailbox BIGINT NOT NULL,
        uid_validity BIGINT NOT NULL, uid_next BIGINT NOT NULL, begun BIGINT NOT NULL,
        deliveries {BYTES} NOT NULL)",
    "TABLE seals (id {KEY}, connector BIGINT NOT NULL, number BIGINT NOT NULL, run BIGINT NOT NULL,
        kind TEXT NOT NULL, file TEXT NOT NULL, sha256 {BYTES} NOT NULL, sealed BIGINT NOT NULL,
        balance TEXT NOT NULL, UNIQUE (connector, number))",
];

const INDEXES: &[&str] = &[
    "INDEX runs_active ON runs (status, connector)",
    "INDEX tasks_of_run ON tasks (run, kind)",
    "INDEX tasks_open ON tasks (kind, run, id) WHERE state = 0",
    "INDEX quarantined_of_run ON quarantined (run)",
    "INDEX chunks_of_run ON chunks (run)",
    "INDEX chunks_open ON chunks (connector, source) WHERE taken = 0",
    "INDEX batches_of_run ON batches (run)",
    "INDEX batches_by_items ON batches (first)",
    "INDEX held_of_run ON held (run, state)",
    "INDEX held_of_item ON held (item)",
    "INDEX held_pages ON held (connector, id) WHERE state = 0",
    "INDEX held_open ON held (connector, participant, hash) WHERE state = 0",
    "INDEX mailboxes_of_shard ON mailboxes (shard, address)",
    "INDEX deliveries_waiting ON deliveries (mailbox, date, id) WHERE state = 0",
    "INDEX journal_of_shard ON journal (shard, connector)",
    "INDEX seals_of_run ON seals (run)",
];

// Who directs a connector's runs, of several processes that could, and until when.
const DIRECTORS: &[&str] = &["TABLE directors (connector BIGINT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL, until BIGINT NOT NULL) {CLUSTERED}"];

const SCHEDULES: &[&str] = &[
    // `due` is the next slot, absent where nothing is scheduled. `covered` is the end of what scheduled
    // runs have covered, absent at first; here and of backfills in seconds.
    "TABLE schedules (connector BIGINT NOT NULL PRIMARY KEY, paused BIGINT NOT NULL, due BIGINT,
        covered BIGINT, max_part_bytes BIGINT NOT NULL) {CLUSTERED}",
    "TABLE backfills (id {KEY}, connector BIGINT NOT NULL, from_time BIGINT NOT NULL,
        to_time BIGINT NOT NULL, slice_days BIGINT NOT NULL, covered BIGINT NOT NULL,
        state BIGINT NOT NULL)",
    "INDEX backfills_of_connector ON backfills (connector, state)",
    // `backfill` is the one whose slice a run is. `resumes` counts how often control resumed it by
    // itself; it does so not before `resume_at`.
    "ALTER TABLE runs ADD COLUMN backfill BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN cancelled BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN resumes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN resume_at BIGINT NOT NULL DEFAULT 0",
];

const JANITOR: &[&str] = &[
    // Runs that need nothing in staging any more; `pruned` is 1 when rows that nobody reads are gone.
    "TABLE cleared (run BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL,
        pruned BIGINT NOT NULL) {CLUSTERED}",
    // Keys of kept blobs, and the batches whose deliveries they are kept for.
    "TABLE kept (blob TEXT NOT NULL, batch BIGINT NOT NULL, PRIMARY KEY (blob, batch)) {CLUSTERED}",
    // One row: what tells this ledger apart from others, when staging was looked through last, how many
    // blobs were deleted.
    "TABLE janitor (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, passed BIGINT NOT NULL,
        deleted BIGINT NOT NULL, orphaned BIGINT NOT NULL, emptied BIGINT NOT NULL) {CLUSTERED}",
];

// A page of a run's items begins at its batch.
const ORDER: &[&str] = &["INDEX batches_in_order ON batches (run, first)"];

// A backfill that begins with its last days: `covered` then moves back from its end.
const NEWEST: &[&str] =
    &["ALTER TABLE backfills ADD COLUMN newest_first BIGINT NOT NULL DEFAULT 0"];

const DATABASES: &[&str] = &[
    // Everything of a database's stream before `position` was captured; `name` is kind, server and
    // database.
    "TABLE cursors (connector BIGINT NOT NULL, name TEXT NOT NULL, stream TEXT NOT NULL,
        identity TEXT NOT NULL, position BIGINT NOT NULL,
        PRIMARY KEY (connector, name, stream)) {CLUSTERED}",
    // What a run reads of its sources; becomes a position when it is captured.
    "TABLE stretches (run BIGINT NOT NULL, source BIGINT NOT NULL, stream TEXT NOT NULL,
        name TEXT NOT NULL, identity TEXT NOT NULL, from_position BIGINT, to_position BIGINT NOT NULL,
        PRIMARY KEY (run, source, stream)) {CLUSTERED}",
    "ALTER TABLE sessions ADD COLUMN origin TEXT NOT NULL DEFAULT ''",
    // Duplicates beside those in their table.
    "ALTER TABLE tasks ADD COLUMN duplicates BIGINT NOT NULL DEFAULT 0",
];

const ROOMS: &[&str] = &[
    // What was seen of a database's rooms on the days that are read again, and the first item each day
    // became; `name` and `identity` as in cursors, `title` the room's name, `run` the one that saw it last.
    "TABLE room_days (connector BIGINT NOT NULL, name TEXT NOT NULL, room TEXT NOT NULL,
        day BIGINT NOT NULL, identity TEXT NOT NULL, number BIGINT NOT NULL, title TEXT NOT NULL,
        run BIGINT NOT NULL, seen {BYTES} NOT NULL, item {BYTES} NOT NULL,
        PRIMARY KEY (connector, name, room, day)) {CLUSTERED}",
];

const FINDINGS: &[&str] = &[
    // What somebody should know of a run; `task` is 0 for what control found itself.
    "TABLE findings (id {KEY}, run BIGINT NOT NULL, task BIGINT NOT NULL, kind TEXT NOT NULL,
        subject TEXT NOT NULL, expected BIGINT, seen BIGINT, advice TEXT NOT NULL)",
    "INDEX findings_of_run ON findings (run)",
];

const HOURS: &[&str] = &[
    // How many records of a database's stream were captured that have a time in this hour, which begins
    // at `hour`, Unix seconds; `name` as in cursors.
    "TABLE hours (connector BIGINT NOT NULL, name TEXT NOT NULL, stream TEXT NOT NULL,
        hour BIGINT NOT NULL, records BIGINT NOT NULL,
        PRIMARY KEY (connector, name, stream, hour)) {CLUSTERED}",
    // The same of a run whose captures are not complete.
    "TABLE hours_read (run BIGINT NOT NULL, source BIGINT NOT NULL, stream TEXT NOT NULL,
        hour BIGINT NOT NULL, records BIGINT NOT NULL,
        PRIMARY KEY (run, source, stream, hour)) {CLUSTERED}",
    // From when on every hour before `position` is in `hours`, those without records left out.
    "ALTER TABLE cursors ADD COLUMN counted BIGINT",
];

// Encoded Coverage of runs that have closed.
const COVERAGE: &[&str] = &["TABLE coverage (run BIGINT NOT NULL PRIMARY KEY,
    coverage {BYTES} NOT NULL) {CLUSTERED}"];

// The users of a directory that tells its changes, as the newest REFRESH task left them, and the address
// that tells what changed since: one row, so that neither is ever used with another.
const MIRRORS: &[&str] = &["TABLE mirrors (connector BIGINT NOT NULL PRIMARY KEY,
    users {BYTES} NOT NULL, changes TEXT NOT NULL) {CLUSTERED}"];

const VERSIONS: &[&str] = &[
    // `version` grows with what is stored of a connector, last at `changed`; `deleted` is when somebody
    // deleted it, absent of one that is in use.
    "ALTER TABLE connectors ADD COLUMN version BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE connectors ADD COLUMN changed BIGINT",
    "ALTER TABLE connectors ADD COLUMN deleted BIGINT",
];

const AUDIT: &[&str] = &[
    // Who did what: only ever added to. `roles` is a JSON array, `detail` a JSON object, `connector` a
    // public id; `hash` is over the entry and `previous`, the hash of the one before.
    "TABLE audit (sequence BIGINT NOT NULL PRIMARY KEY, time BIGINT NOT NULL, subject TEXT NOT NULL,
        name TEXT NOT NULL, roles TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL,
        connector TEXT NOT NULL, object TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL,
        previous {BYTES} NOT NULL, hash {BYTES} NOT NULL) {CLUSTERED}",
    "INDEX audit_by_time ON audit (time, sequence)",
    "INDEX audit_of_subject ON audit (subject, sequence)",
    "INDEX audit_of_connector ON audit (connector, sequence)",
    "INDEX audit_of_object ON audit (object, sequence)",
];

// What pages list must not be looked for among everything: both of the latter hold few rows.
const LISTED: &[&str] = &[
    "INDEX audit_of_action ON audit (action, sequence)",
    "INDEX runs_of_backfill ON runs (connector, backfill) WHERE backfill > 0",
    "INDEX deliveries_failed ON deliveries (item, mailbox) WHERE state IN (2, 4)",
];

const PROPOSALS: &[&str] = &[
    // Changes that have to be approved. `connector` is a public id, there may be no such row; `base` the
    // version that it would replace, 0 when there was none; `file` is empty of a deletion; `changes` a JSON
    // object of the values that differ. `decided` is absent while it waits, which is state 1.
    "TABLE proposals (id {KEY}, connector TEXT NOT NULL, name TEXT NOT NULL, kind BIGINT NOT NULL,
        state BIGINT NOT NULL, base BIGINT NOT NULL, file TEXT NOT NULL, scheduled BIGINT NOT NULL,
        max_part_bytes BIGINT NOT NULL, changes TEXT NOT NULL, subject TEXT NOT NULL,
        subject_name TEXT NOT NULL, proposed BIGINT NOT NULL, expires BIGINT NOT NULL,
        reason TEXT NOT NULL, decider TEXT NOT NULL, decider_name TEXT NOT NULL, decided BIGINT,
        decision TEXT NOT NULL)",
    "INDEX proposals_waiting ON proposals (id) WHERE state = 1",
    "INDEX proposals_of_connector ON proposals (connector, id)",
];

const SIGN_INS: &[&str] = &[
    // Sessions of people; `token` is the SHA-256 of what their browser has. It ends at `expires`, which
    // moves on by `idle` with every use, to `ends` at the latest.
    "TABLE sign_ins (token {BYTES} NOT NULL PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL,
        roles TEXT NOT NULL, address TEXT NOT NULL, opened BIGINT NOT NULL, seen BIGINT NOT NULL,
        idle BIGINT NOT NULL, ends BIGINT NOT NULL, expires BIGINT NOT NULL) {CLUSTERED}",
    "INDEX sign_ins_of_subject ON sign_ins (subject, opened)",
    "INDEX sign_ins_in_order ON sign_ins (opened)",
    "INDEX sign_ins_by_end ON sign_ins (expires)",
];

// `key` says which key `ciphertext` was made with.
const SECRETS: &[&str] = &[
    "TABLE secrets (name TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL,
    nonce {BYTES} NOT NULL, ciphertext {BYTES} NOT NULL, changed BIGINT NOT NULL) {CLUSTERED}",
];

const TRACED: &[&str] = &[
    // When a task was opened, 0 where nobody noted it.
    "ALTER TABLE tasks ADD COLUMN opened BIGINT NOT NULL DEFAULT 0",
    // Ids of the traces in which a batch was rendered, and planned where that was another one.
    "ALTER TABLE batches ADD COLUMN rendered_in TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE batches ADD COLUMN planned_in TEXT NOT NULL DEFAULT ''",
    // In which trace a shard's deliveries were settled from `taken` on, until the next lease was taken.
    "TABLE leases (shard BIGINT NOT NULL, taken BIGINT NOT NULL, trace TEXT NOT NULL,
        PRIMARY KEY (shard, taken)) {CLUSTERED}",
    // When a mailbox came into its shard, if it was in another one before.
    "ALTER TABLE mailboxes ADD COLUMN moved BIGINT NOT NULL DEFAULT 0",
    "INDEX held_failed ON held (connector) WHERE state = 4",
];

const REPORTS: &[&str] = &[
    // Mails about runs, one row for each recipient: about the end of a run, or with `stopped` 1 about a stop
    // before it, for `reason`. `state`: 0 waiting, 1 sent, 2 refused, 3 given up, 4 not called for. Nobody
    // takes it up before `due`; `attempts` counts those who did; `mail` is what is sent, the same each time,
    // empty before the first attempt and after the last. `code` is the server's last answer, 0 for none.
    "TABLE reports (id {KEY}, connector BIGINT NOT NULL, run BIGINT NOT NULL, stopped BIGINT NOT NULL,
        reason TEXT NOT NULL, recipient TEXT NOT NULL, state BIGINT NOT NULL, made BIGINT NOT NULL,
        due BIGINT NOT NULL, attempts BIGINT NOT NULL, code BIGINT NOT NULL, mail {BYTES} NOT NULL,
        UNIQUE (run, stopped, recipient))",
    "INDEX reports_due ON reports (due) WHERE state = 0",
    "INDEX reports_by_state ON reports (connector, state)",
];

// `place` is where connectors have sent a secret; `author` is who entered it last.
const PLACES: &[&str] = &[
    "TABLE secret_places (name TEXT NOT NULL, place TEXT NOT NULL,
        PRIMARY KEY (name, place)) {CLUSTERED}",
    "ALTER TABLE secrets ADD COLUMN author TEXT NOT NULL DEFAULT ''",
];

// What is forgotten, and what is counted at each reading of metrics, is found without reading anything else.
// A report that is settled was settled when it was `due`.
const FORGOTTEN: &[&str] = &[
    "INDEX reports_settled ON reports (due) WHERE state > 0",
    "INDEX deliveries_failed_by_mailbox ON deliveries (mailbox, state) WHERE state IN (2, 4)",
];

/// Stands for the tables themselves where a connector's key is asked for.
const TABLES_THEMSELVES: i64 = 0;

/// Takes the steps that are missing. Returns the format the ledger has; a newer one is left alone.
pub(super) async fn migrate(tx: &mut Connection) -> Result<i64, DatabaseError> {
    let dialect = tx.dialect();
    // An index of a large table takes longer than any statement of the day's work may, and so does waiting for
    // another control that makes one.
    tx.take_time().await?;
    tx.lock(TABLES_THEMSELVES).await?;
    let known = query(dialect.tables_named()).bind("format");
    if known.fetch_one(tx).await?.int(0)? == 0 {
        let format = "CREATE TABLE format (version BIGINT NOT NULL)";
        query(format).execute(tx).await?;
    }
    let version = query("SELECT version FROM format");
    let version = version.fetch_optional(tx).await?;
    let found = version.map_or(Ok(0), |row| row.int(0))?;
    if found >= FORMAT {
        return Ok(found);
    }
    let taken = usize::try_from(found).unwrap_or(0);
    for statement in STEPS
        .iter()
        .skip(taken)
        .copied()
        .flatten()
        .copied()
        .flatten()
    {
        let verb = if statement.starts_with("ALTER") {
            ""
        } else {
            "CREATE "
        };
        let statement = format!("{verb}{}", dialect.schema(statement));
        query(statement).execute(tx).await?;
    }
    query("DELETE FROM format").execute(tx).await?;
    let insert = query("INSERT INTO format (version) VALUES ($1)").bind(FORMAT);
    insert.execute(tx).await?;
    Ok(FORMAT)
}
