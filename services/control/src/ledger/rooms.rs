//! Rooms of databases: what was seen of them on the days that are read again.

use chatkeep_proto::v1::{Reach, RoomDay, RoomDays, RoomDaysRequest};

use super::{Ledger, capture::connector_key, task::TaskRow};
use crate::{
    database::{Cell, Connection, DatabaseError, LIST, Row, insert, query},
    error::{During as _, LedgerError},
};

impl Ledger {
    /// What was seen of rooms; without rooms, a page of all rooms with their last days.
    pub(crate) async fn room_days(
        &self,
        request: RoomDaysRequest,
    ) -> Result<RoomDays, LedgerError> {
        let mut conn = self.database.read().await?;
        let connector = connector_key(&mut conn, &request.connector).await?;
        let mut found = RoomDays {
            database: request.database.clone(),
            ..RoomDays::default()
        };
        if request.rooms.is_empty() {
            let statement = query(
                "SELECT room, MAX(day), MAX(number), MAX(title), MAX(run), MAX(identity) \
                 FROM room_days WHERE connector = $1 AND name = $2 AND room > $3 \
                 GROUP BY room ORDER BY room LIMIT $4",
            );
            let statement = statement.bind(connector).bind(&request.database);
            let statement = statement
                .bind(&request.after)
                .bind(i64::from(request.limit));
            for row in statement.fetch(&mut conn).await.during("list rooms")? {
                found.identity = row.text(5).during("list rooms")?;
                found.days.push(day(&row).during("list rooms")?);
            }
        }
        for rooms in request.rooms.chunks(LIST) {
            let cells: Vec<_> = rooms.iter().map(|room| Cell::text(room)).collect();
            let select = "SELECT room, day, number, title, run, identity, seen, item FROM room_days \
                WHERE connector = ";
            let statement = query(select).int(connector).sql(" AND name = ");
            let statement = statement
                .text(&request.database)
                .sql(" AND room ")
                .list(&cells);
            for row in statement.fetch(&mut conn).await.during("read rooms")? {
                found.identity = row.text(5).during("read rooms")?;
                let seen = || {
                    Ok::<_, DatabaseError>(RoomDay {
                        seen: row.bytes(6)?.into(),
                        item: row.bytes(7)?.into(),
                        ..day(&row)?
                    })
                };
                found.days.push(seen().during("read rooms")?);
            }
        }
        Ok(found)
    }
}

fn day(row: &Row) -> Result<RoomDay, DatabaseError> {
    let narrow = |column| Ok::<_, DatabaseError>(i32::try_from(row.int(column)?).unwrap_or(0));
    Ok(RoomDay {
        room: row.text(0)?,
        day: narrow(1)?,
        number: narrow(2)?,
        title: row.text(3)?,
        run: row.int(4)?,
        ..RoomDay::default()
    })
}

/// Forgets days that are not read again, and those of a database that was another one.
pub(super) async fn forget(
    conn: &mut Connection,
    task: &TaskRow,
    reach: &Reach,
    from: i32,
) -> Result<(), LedgerError> {
    let delete = query(
        "DELETE FROM room_days WHERE connector = $1 AND name = $2 AND (day < $3 OR identity <> $4)",
    );
    let delete = delete.bind(task.connector).bind(&reach.database);
    let delete = delete.bind(i64::from(from)).bind(&reach.identity);
    delete.execute(conn).await.during("forget days of rooms")?;
    Ok(())
}

/// Keeps what was seen; a day that was seen before keeps its item.
pub(super) async fn captured(
    conn: &mut Connection,
    task: &TaskRow,
    days: &RoomDays,
) -> Result<(), LedgerError> {
    let rows = days.days.iter().map(|day| {
        [
            Cell::Int(task.connector),
            Cell::text(&days.database),
            Cell::text(&day.room),
            Cell::Int(day.day.into()),
            Cell::text(&days.identity),
            Cell::Int(day.number.into()),
            Cell::text(&day.title),
            Cell::Int(task.run),
            Cell::bytes(&day.seen),
            Cell::bytes(&[]),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = "room_days (connector, name, room, day, identity, number, title, run, seen, item)";
    let tail = " ON CONFLICT (connector, name, room, day) DO UPDATE SET identity = excluded.identity, \
        number = excluded.number, title = excluded.title, run = excluded.run, seen = excluded.seen";
    let kept = insert(conn, table, &rows, tail).await;
    kept.during("keep days of rooms")?;
    Ok(())
}

/// Keeps the first item of each day that may be read again.
pub(super) async fn assembled(
    conn: &mut Connection,
    task: &TaskRow,
    days: &RoomDays,
) -> Result<(), LedgerError> {
    for day in &days.days {
        let update = query(
            "UPDATE room_days SET item = $1 WHERE connector = $2 AND name = $3 AND room = $4 \
             AND day = $5 AND LENGTH(item) = 0",
        );
        let update = update.bind(day.item.to_vec()).bind(task.connector);
        let update = update.bind(&days.database).bind(&day.room);
        let update = update.bind(i64::from(day.day)).execute(&mut *conn).await;
        update.during("keep items of rooms")?;
    }
    Ok(())
}
