//! What ingestion reports and asks: files, counts, chunks, rosters.

use chatkeep_proto::v1::{
    Assembled, Captured, CapturedFile, Chunk, KnownFilesRequest, Listed, Presence, Quarantined,
    RoomRoster, RostersRequest,
};
use prost::Message as _;
use sqlx::AnyConnection;

use super::{Ledger, claim, run, run::encode_blob, task::TaskRow};
use crate::{
    database::{Cell, Columns as _, LIST, Statement, insert},
    error::{During as _, LedgerError},
};

impl Ledger {
    /// Which of these files were captured before.
    pub(crate) async fn known_files(
        &self,
        request: KnownFilesRequest,
    ) -> Result<Vec<CapturedFile>, LedgerError> {
        let mut conn = self.database.read().await?;
        let connector = connector_key(&mut conn, &request.connector).await?;
        let mut files = Vec::new();
        for paths in request.paths.chunks(LIST) {
            let cells: Vec<_> = paths.iter().map(|path| Cell::Text(path)).collect();
            let select = "SELECT path, size, modified, sha256, item FROM files WHERE connector = ";
            let statement = Statement::new(select).int(connector);
            let statement =
                statement.and_then(|sql| sql.sql(" AND source = ").int(request.source.into()));
            let statement = statement.and_then(|sql| sql.sql(" AND path IN ").list(&cells));
            let rows = statement.during("find files")?.fetch(&mut conn).await;
            for row in rows.during("find files")? {
                let item = row.bytes(4).during("find files")?;
                files.push(CapturedFile {
                    path: row.text(0).during("find files")?,
                    size: row.count(1).during("find files")?,
                    modified: row.int(2).during("find files")?,
                    sha256: row.bytes(3).during("find files")?.into(),
                    item: (!item.is_empty()).then(|| item.into()),
                });
            }
        }
        Ok(files)
    }

    /// The blobs that an ASSEMBLE task merges: those of its run and those of days left open before.
    pub(crate) async fn captures(&self, id: &str) -> Result<Vec<Chunk>, LedgerError> {
        let mut conn = self.database.read().await?;
        let task = self.open_task(&mut conn, id).await?;
        chunks_of(&mut conn, task.run, task.source).await
    }

    /// Who is present in rooms, as far as earlier assemblies know.
    pub(crate) async fn rosters(
        &self,
        request: RostersRequest,
    ) -> Result<Vec<Presence>, LedgerError> {
        let mut conn = self.database.read().await?;
        let connector = connector_key(&mut conn, &request.connector).await?;
        let mut present = Vec::new();
        for rooms in request.rooms.chunks(LIST) {
            let cells: Vec<_> = rooms.iter().map(|room| Cell::Text(room)).collect();
            let select = "SELECT room, participant, address FROM rosters WHERE connector = ";
            let statement = Statement::new(select).int(connector);
            let statement = statement.and_then(|sql| sql.sql(" AND room IN ").list(&cells));
            let rows = statement.during("read rosters")?.fetch(&mut conn).await;
            for row in rows.during("read rosters")? {
                present.push(Presence {
                    room: row.text(0).during("read rosters")?,
                    participant: row.bytes(1).during("read rosters")?.into(),
                    address: row.text(2).during("read rosters")?,
                });
            }
        }
        Ok(present)
    }
}

/// The key of a connector by its public id.
pub(crate) async fn connector_key(conn: &mut AnyConnection, id: &str) -> Result<i64, LedgerError> {
    let query = sqlx::query("SELECT id FROM connectors WHERE name_id = $1").bind(id);
    let row = query.fetch_optional(conn).await.during("find connector")?;
    let row = row.ok_or(LedgerError::Unknown("connector"))?;
    row.int(0).during("find connector")
}

/// The chunks a run assembles of one source.
pub(crate) async fn chunks_of(
    conn: &mut AnyConnection,
    run: i64,
    source: i64,
) -> Result<Vec<Chunk>, LedgerError> {
    let query = sqlx::query(
        "SELECT chunk FROM chunks WHERE taken = $1 AND source = $2 AND (run <> $1 OR open = 0) \
         ORDER BY id",
    );
    let rows = query
        .bind(run)
        .bind(source)
        .fetch_all(conn)
        .await
        .during("read chunks")?;
    let mut chunks = Vec::with_capacity(rows.len());
    for row in rows {
        let chunk = Chunk::decode(&row.bytes(0).during("read chunks")?[..]);
        chunks.push(chunk.map_err(|_| LedgerError::Malformed("stored chunk"))?);
    }
    Ok(chunks)
}

/// Records the end of a LIST task.
pub(super) async fn listed(
    conn: &mut AnyConnection,
    task: &TaskRow,
    listed: &Listed,
) -> Result<(), LedgerError> {
    let update = sqlx::query(
        "UPDATE runs SET n_foreign = n_foreign + $1, n_unchanged = n_unchanged + $2, \
         n_young = n_young + $3, n_files = n_files + $4 WHERE id = $5",
    )
    .bind(signed(listed.foreign))
    .bind(signed(listed.unchanged))
    .bind(signed(listed.young))
    .bind(signed(listed.files))
    .bind(task.run);
    update.execute(conn).await.during("count files")?;
    Ok(())
}

/// Records the end of a CAPTURE task. Returns the records it read.
pub(super) async fn captured(
    conn: &mut AnyConnection,
    task: &TaskRow,
    captured: &Captured,
) -> Result<i64, LedgerError> {
    insert_files(conn, task, &captured.files).await?;
    insert_duplicates(conn, task, captured).await?;
    for excluded in &captured.excluded {
        let query = sqlx::query(
            "INSERT INTO exclusions (task, rule, records) VALUES ($1, $2, $3) \
             ON CONFLICT (task, rule) DO UPDATE \
             SET records = exclusions.records + excluded.records",
        );
        let query = query
            .bind(task.key)
            .bind(&excluded.rule)
            .bind(signed(excluded.records));
        query
            .execute(&mut *conn)
            .await
            .during("count excluded records")?;
    }
    quarantine(conn, task, &captured.quarantined).await?;
    if let Some(chunk) = &captured.chunk {
        insert_chunk(conn, task, chunk, None).await?;
    }
    let left_out: u64 = captured
        .excluded
        .iter()
        .map(|excluded| excluded.records)
        .sum();
    let update = sqlx::query(
        "UPDATE runs SET n_records = n_records + $1, n_outside = n_outside + $2, \
         watch_good = watch_good + $3 WHERE id = $4",
    )
    .bind(signed(captured.records_read))
    .bind(signed(captured.outside))
    .bind(signed(left_out) + signed(captured.duplicates.len() as u64))
    .bind(task.run);
    update.execute(conn).await.during("count records")?;
    Ok(signed(captured.records_read))
}

async fn insert_files(
    conn: &mut AnyConnection,
    task: &TaskRow,
    files: &[CapturedFile],
) -> Result<(), LedgerError> {
    let rows = files.iter().map(|file| {
        [
            Cell::Int(task.connector),
            Cell::Int(task.source),
            Cell::Text(&file.path),
            Cell::Int(signed(file.size)),
            Cell::Int(file.modified),
            Cell::Bytes(&file.sha256),
            Cell::Bytes(file.item.as_deref().unwrap_or_default()),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = "INSERT INTO files (connector, source, path, size, modified, sha256, item) VALUES ";
    let tail = " ON CONFLICT (connector, source, path) DO UPDATE SET size = excluded.size, \
        modified = excluded.modified, sha256 = excluded.sha256, item = excluded.item";
    insert(conn, head, &rows, tail)
        .await
        .during("move cursor")?;
    Ok(())
}

async fn insert_duplicates(
    conn: &mut AnyConnection,
    task: &TaskRow,
    captured: &Captured,
) -> Result<(), LedgerError> {
    let rows: Vec<_> = (0..)
        .zip(&captured.duplicates)
        .map(|(ordinal, record)| [Cell::Int(task.key), Cell::Int(ordinal), Cell::Bytes(record)])
        .collect();
    let head = "INSERT INTO duplicates (task, ordinal, record) VALUES ";
    insert(conn, head, &rows, "")
        .await
        .during("record duplicates")?;
    Ok(())
}

/// Records what cannot be read or rendered.
pub(super) async fn quarantine(
    conn: &mut AnyConnection,
    task: &TaskRow,
    entries: &[Quarantined],
) -> Result<(), LedgerError> {
    for entry in entries {
        let query = sqlx::query(
            "INSERT INTO quarantined (run, task, source, reason, records, original) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(task.run)
        .bind(task.key)
        .bind(&entry.source)
        .bind(&entry.reason)
        .bind(signed(entry.records))
        .bind(encode_blob(entry.original.as_ref()));
        query
            .execute(&mut *conn)
            .await
            .during("quarantine record")?;
        run::watch_bad(conn, task.run, 1, &entry.reason).await?;
        claim::release(conn, task.connector, entry).await?;
    }
    Ok(())
}

/// Stores a chunk: captured records of the run, or (`open`) so many records of days not yet over.
async fn insert_chunk(
    conn: &mut AnyConnection,
    task: &TaskRow,
    chunk: &Chunk,
    open: Option<u64>,
) -> Result<(), LedgerError> {
    let query = sqlx::query(
        "INSERT INTO chunks (connector, run, source, open, records, taken, chunk) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(task.connector)
    .bind(task.run)
    .bind(task.source)
    .bind(i64::from(open.is_some()))
    .bind(signed(open.unwrap_or(0)))
    .bind(if open.is_some() { 0 } else { task.run })
    .bind(chunk.encode_to_vec());
    query.execute(conn).await.during("record chunk")?;
    Ok(())
}

/// Records the end of an ASSEMBLE task.
pub(super) async fn assembled(
    conn: &mut AnyConnection,
    task: &TaskRow,
    assembled: &Assembled,
) -> Result<(), LedgerError> {
    if assembled.open > 0 {
        let chunk = assembled.open_records.clone().unwrap_or_default();
        insert_chunk(conn, task, &chunk, Some(assembled.open)).await?;
    }
    for roster in &assembled.rosters {
        replace_roster(conn, task.connector, roster).await?;
    }
    Ok(())
}

async fn replace_roster(
    conn: &mut AnyConnection,
    connector: i64,
    roster: &RoomRoster,
) -> Result<(), LedgerError> {
    let delete = sqlx::query("DELETE FROM rosters WHERE connector = $1 AND room = $2");
    let delete = delete.bind(connector).bind(&roster.room);
    delete.execute(&mut *conn).await.during("replace roster")?;
    let rows = roster.present.iter().map(|presence| {
        [
            Cell::Int(connector),
            Cell::Text(&roster.room),
            Cell::Text(&presence.address),
            Cell::Bytes(&presence.participant),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = "INSERT INTO rosters (connector, room, address, participant) VALUES ";
    let tail = " ON CONFLICT (connector, room, address) DO NOTHING";
    insert(conn, head, &rows, tail)
        .await
        .during("replace roster")?;
    Ok(())
}

/// How the ledger stores a count.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
