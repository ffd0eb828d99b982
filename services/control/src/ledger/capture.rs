//! What ingestion reports and asks: files, counts, chunks, rosters.

use chatkeep_proto::v1::{
    Assembled, Captured, CapturedFile, Chunk, KnownFilesRequest, Listed, Presence, Quarantined,
    RoomRoster, RostersRequest,
};
use prost::Message as _;

use super::{Ledger, claim, cursor, hours, rooms, run, run::encode_blob, task::TaskRow};
use crate::{
    database::{Cell, Connection, LIST, insert, query},
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
            let cells: Vec<_> = paths.iter().map(|path| Cell::text(path)).collect();
            let select = "SELECT path, size, modified, sha256, item FROM files WHERE connector = ";
            let statement = query(select).int(connector);
            let statement = statement.sql(" AND source = ").int(request.source.into());
            let statement = statement.sql(" AND path ").list(&cells);
            let rows = statement.fetch(&mut conn).await;
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
            let cells: Vec<_> = rooms.iter().map(|room| Cell::text(room)).collect();
            let select = "SELECT room, participant, address FROM rosters WHERE connector = ";
            let statement = query(select).int(connector);
            let statement = statement.sql(" AND room ").list(&cells);
            let rows = statement.fetch(&mut conn).await;
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
pub(crate) async fn connector_key(conn: &mut Connection, id: &str) -> Result<i64, LedgerError> {
    let statement = query("SELECT id FROM connectors WHERE name_id = $1").bind(id);
    let row = statement
        .fetch_optional(conn)
        .await
        .during("find connector")?;
    let row = row.ok_or(LedgerError::Unknown("connector"))?;
    row.int(0).during("find connector")
}

/// The chunks a run assembles of one source.
pub(crate) async fn chunks_of(
    conn: &mut Connection,
    run: i64,
    source: i64,
) -> Result<Vec<Chunk>, LedgerError> {
    let statement = query(
        "SELECT chunk FROM chunks WHERE taken = $1 AND source = $2 AND (run <> $1 OR open = 0) \
         ORDER BY id",
    );
    let rows = statement
        .bind(run)
        .bind(source)
        .fetch(conn)
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
    conn: &mut Connection,
    task: &TaskRow,
    listed: &Listed,
) -> Result<(), LedgerError> {
    let update = query(
        "UPDATE runs SET n_foreign = n_foreign + $1, n_unchanged = n_unchanged + $2, \
         n_young = n_young + $3, n_files = n_files + $4 WHERE id = $5",
    )
    .bind(signed(listed.foreign))
    .bind(signed(listed.unchanged))
    .bind(signed(listed.young))
    .bind(signed(listed.files))
    .bind(task.run);
    update.execute(&mut *conn).await.during("count files")?;
    let Some(reach) = &listed.reach else {
        return Ok(());
    };
    if let Some(day) = listed.seen_from {
        rooms::forget(conn, task, reach, day).await?;
    }
    cursor::begin(conn, task, reach).await
}

/// Records the end of a CAPTURE task. Returns the records it read.
pub(super) async fn captured(
    conn: &mut Connection,
    task: &TaskRow,
    captured: &Captured,
) -> Result<i64, LedgerError> {
    insert_files(conn, task, &captured.files).await?;
    if let Some(days) = &captured.rooms {
        rooms::captured(conn, task, days).await?;
    }
    hours::captured(conn, task, &captured.hours).await?;
    insert_duplicates(conn, task, captured).await?;
    for excluded in &captured.excluded {
        let statement = query(
            "INSERT INTO exclusions (task, rule, records) VALUES ($1, $2, $3) \
             ON CONFLICT (task, rule) DO UPDATE \
             SET records = exclusions.records + excluded.records",
        );
        let statement = statement
            .bind(task.key)
            .bind(&excluded.rule)
            .bind(signed(excluded.records));
        statement
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
    let update = query(
        "UPDATE runs SET n_records = n_records + $1, n_outside = n_outside + $2, \
         watch_good = watch_good + $3 WHERE id = $4",
    )
    .bind(signed(captured.records_read))
    .bind(signed(captured.outside))
    .bind(signed(
        left_out + captured.duplicates.len() as u64 + captured.more_duplicates,
    ))
    .bind(task.run);
    update.execute(conn).await.during("count records")?;
    Ok(signed(captured.records_read))
}

async fn insert_files(
    conn: &mut Connection,
    task: &TaskRow,
    files: &[CapturedFile],
) -> Result<(), LedgerError> {
    let rows = files.iter().map(|file| {
        [
            Cell::Int(task.connector),
            Cell::Int(task.source),
            Cell::text(&file.path),
            Cell::Int(signed(file.size)),
            Cell::Int(file.modified),
            Cell::bytes(&file.sha256),
            Cell::bytes(file.item.as_deref().unwrap_or_default()),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "files (connector, source, path, size, modified, sha256, item)";
    let tail = " ON CONFLICT (connector, source, path) DO UPDATE SET size = excluded.size, \
        modified = excluded.modified, sha256 = excluded.sha256, item = excluded.item";
    insert(conn, table, &rows, tail)
        .await
        .during("move cursor")?;
    Ok(())
}

async fn insert_duplicates(
    conn: &mut Connection,
    task: &TaskRow,
    captured: &Captured,
) -> Result<(), LedgerError> {
    let rows: Vec<_> = (0..)
        .zip(&captured.duplicates)
        .map(|(ordinal, record)| [Cell::Int(task.key), Cell::Int(ordinal), Cell::bytes(record)])
        .collect();
    let table = "duplicates (task, ordinal, record)";
    insert(&mut *conn, table, &rows, "")
        .await
        .during("record duplicates")?;
    if captured.more_duplicates > 0 {
        let update = query("UPDATE tasks SET duplicates = $1 WHERE id = $2");
        let update = update.bind(signed(captured.more_duplicates)).bind(task.key);
        update.execute(conn).await.during("record duplicates")?;
    }
    Ok(())
}

/// Records what cannot be read or rendered.
pub(super) async fn quarantine(
    conn: &mut Connection,
    task: &TaskRow,
    entries: &[Quarantined],
) -> Result<(), LedgerError> {
    for entry in entries {
        let statement = query(
            "INSERT INTO quarantined (run, task, source, reason, records, original) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(task.run)
        .bind(task.key)
        .bind(&entry.source)
        .bind(&entry.reason)
        .bind(signed(entry.records))
        .bind(encode_blob(entry.original.as_ref()));
        statement
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
    conn: &mut Connection,
    task: &TaskRow,
    chunk: &Chunk,
    open: Option<u64>,
) -> Result<(), LedgerError> {
    let statement = query(
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
    statement.execute(conn).await.during("record chunk")?;
    Ok(())
}

/// Records the end of an ASSEMBLE task.
pub(super) async fn assembled(
    conn: &mut Connection,
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
    match &assembled.rooms {
        Some(days) => rooms::assembled(conn, task, days).await,
        None => Ok(()),
    }
}

async fn replace_roster(
    conn: &mut Connection,
    connector: i64,
    roster: &RoomRoster,
) -> Result<(), LedgerError> {
    let delete = query("DELETE FROM rosters WHERE connector = $1 AND room = $2");
    let delete = delete.bind(connector).bind(&roster.room);
    delete.execute(&mut *conn).await.during("replace roster")?;
    let rows = roster.present.iter().map(|presence| {
        [
            Cell::Int(connector),
            Cell::text(&roster.room),
            Cell::text(&presence.address),
            Cell::bytes(&presence.participant),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "rosters (connector, room, address, participant)";
    let tail = " ON CONFLICT (connector, room, address) DO NOTHING";
    insert(conn, table, &rows, tail)
        .await
        .during("replace roster")?;
    Ok(())
}

/// How the ledger stores a count.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
