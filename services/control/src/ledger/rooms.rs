//! Rooms of databases: how far each was read, and what is compared when its last days are read again.

use chatkeep_proto::v1::{Captured, RoomDay, RoomPosition, RoomsRequest, RoomsResponse};

use super::{
    Ledger,
    capture::connector_key,
    task::TaskRow,
};
use crate::{
    database::{Cell, Connection, DatabaseError, LIST, Row, insert, query},
    error::{During as _, LedgerError},
};

const POSITIONS: &str = "SELECT room, number, name, position, floor, moved, origin, run FROM rooms \
    WHERE connector = ";
const DAYS: &str = "SELECT room, day, seen, item FROM room_days WHERE connector = ";

impl Ledger {
    /// Positions of rooms and what was seen in them; without rooms, a page of all positions.
    pub(crate) async fn rooms(&self, request: RoomsRequest) -> Result<RoomsResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let connector = connector_key(&mut conn, &request.connector).await?;
        let source = i64::from(request.source);
        let mut found = RoomsResponse::default();
        if request.rooms.is_empty() {
            let statement = query(POSITIONS).int(connector).sql(" AND source = ");
            let statement = statement.int(source).sql(" AND room > ");
            let statement = statement.text(&request.after).sql(" ORDER BY room LIMIT ");
            let rows = statement.int(request.limit.into()).fetch(&mut conn).await;
            let rows = rows.and_then(|rows| rows.iter().map(position).collect());
            found.positions = rows.during("read positions of rooms")?;
        }
        for rooms in request.rooms.chunks(LIST) {
            let cells: Vec<_> = rooms.iter().map(|room| Cell::text(room)).collect();
            let statement = query(POSITIONS).int(connector).sql(" AND source = ");
            let statement = statement.int(source).sql(" AND room ").list(&cells);
            let rows = statement.fetch(&mut conn).await;
            for row in rows.during("read positions of rooms")? {
                let position = position(&row).during("read positions of rooms")?;
                found.positions.push(position);
            }
            let statement = query(DAYS).int(connector).sql(" AND source = ");
            let statement = statement.int(source).sql(" AND room ").list(&cells);
            let rows = statement.fetch(&mut conn).await;
            for row in rows.during("read days of rooms")? {
                found.days.push(day(&row).during("read days of rooms")?);
            }
        }
        Ok(found)
    }
}

fn position(row: &Row) -> Result<RoomPosition, DatabaseError> {
    Ok(RoomPosition {
        room: row.text(0)?,
        number: i32::try_from(row.int(1)?).unwrap_or(0),
        name: row.text(2)?,
        position: row.int(3)?,
        floor: row.int(4)?,
        moved: i32::try_from(row.int(5)?).unwrap_or(0),
        database: row.text(6)?,
        run: row.int(7)?,
    })
}

fn day(row: &Row) -> Result<RoomDay, DatabaseError> {
    Ok(RoomDay {
        room: row.text(0)?,
        day: i32::try_from(row.int(1)?).unwrap_or(0),
        seen: row.bytes(2)?.into(),
        item: row.bytes(3)?.into(),
    })
}

/// Moves the cursors of rooms and keeps what is compared when they are read again.
pub(super) async fn captured(
    conn: &mut Connection,
    task: &TaskRow,
    captured: &Captured,
) -> Result<(), LedgerError> {
    for room in &captured.rooms {
        forget_days(conn, task, room, captured.seen_from).await?;
    }
    let rows = captured.rooms.iter().map(|room| {
        [
            Cell::Int(task.connector),
            Cell::Int(task.source),
            Cell::text(&room.room),
            Cell::Int(room.number.into()),
            Cell::text(&room.name),
            Cell::Int(room.position),
            Cell::Int(room.floor),
            Cell::Int(room.moved.into()),
            Cell::text(&room.database),
            Cell::Int(task.run),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "rooms (connector, source, room, number, name, position, floor, moved, origin, run)";
    let tail = " ON CONFLICT (connector, source, room) DO UPDATE SET number = excluded.number, \
        name = excluded.name, position = excluded.position, floor = excluded.floor, \
        moved = excluded.moved, origin = excluded.origin, run = excluded.run";
    let moved = insert(conn, table, &rows, tail).await;
    moved.during("move cursors of rooms")?;
    keep_days(conn, task, &captured.days).await
}

/// Forgets days that are not read again, and all of a room whose database is another one now.
async fn forget_days(
    conn: &mut Connection,
    task: &TaskRow,
    room: &RoomPosition,
    seen_from: i32,
) -> Result<(), LedgerError> {
    let delete = query(
        "DELETE FROM room_days WHERE connector = $1 AND source = $2 AND room = $3 \
         AND (day < $4 OR EXISTS (SELECT 1 FROM rooms WHERE rooms.connector = room_days.connector \
         AND rooms.source = room_days.source AND rooms.room = room_days.room \
         AND rooms.origin <> $5))",
    );
    let delete = delete.bind(task.connector).bind(task.source);
    let delete = delete.bind(&room.room).bind(i64::from(seen_from));
    let delete = delete.bind(&room.database).execute(conn).await;
    delete.during("forget days of rooms")?;
    Ok(())
}

async fn keep_days(
    conn: &mut Connection,
    task: &TaskRow,
    days: &[RoomDay],
) -> Result<(), LedgerError> {
    let rows = days.iter().map(|day| {
        [
            Cell::Int(task.connector),
            Cell::Int(task.source),
            Cell::text(&day.room),
            Cell::Int(day.day.into()),
            Cell::bytes(&day.seen),
            Cell::bytes(&[]),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "room_days (connector, source, room, day, seen, item)";
    let tail =
        " ON CONFLICT (connector, source, room, day) DO UPDATE SET seen = excluded.seen";
    let kept = insert(conn, table, &rows, tail).await;
    kept.during("keep days of rooms")?;
    Ok(())
}

/// Keeps the first item of each day that may be read again.
pub(super) async fn assembled(
    conn: &mut Connection,
    task: &TaskRow,
    days: &[RoomDay],
) -> Result<(), LedgerError> {
    for day in days {
        let update = query(
            "UPDATE room_days SET item = $1 WHERE connector = $2 AND source = $3 AND room = $4 \
             AND day = $5 AND LENGTH(item) = 0",
        );
        let update = update.bind(day.item.to_vec()).bind(task.connector);
        let update = update.bind(task.source).bind(&day.room);
        let update = update.bind(i64::from(day.day)).execute(&mut *conn).await;
        update.during("keep items of rooms")?;
    }
    Ok(())
}
