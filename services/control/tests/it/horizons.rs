//! Until when what was not read of databases is safe.

use chatkeep_proto::v1::{Reach, Stretch};

use crate::{
    calendar::{Calendar, hour, midnight},
    world::World,
};

const DATABASE: &str = "archiving-database sql01 lcslog";
const CONNECTOR: &str = r#"
name = "Contoso"
domain = "contoso.com"
id = "contoso"

[[sources]]
type = "archiving-database"
server = "sql01"
auth = { type = "sql", user = "env:USER", password = "env:PASSWORD" }
retention = { days = 14, purge_hour = 2 }

[directory]
type = "csv"
path = "/directory.csv"

[target]
type = "maildir"
path = "/mailboxes"
"#;

/// A connector that reads a database, on day 100.
async fn calendar() -> Calendar {
    let calendar = Calendar::open(World::of(Vec::new()), hour(100, 2)).await;
    calendar.put(CONNECTOR).await;
    calendar
}

/// From the beginning up to a day.
fn stretch(stream: &str, to: i64) -> Stretch {
    Stretch {
        stream: stream.to_owned(),
        from: None,
        to: midnight(to),
    }
}

/// A run on this day that reads these stretches.
async fn read(calendar: &Calendar, day: i64, stretches: Vec<Stretch>) {
    *calendar.world.reach.lock().unwrap() = Some(Reach {
        database: DATABASE.to_owned(),
        identity: "one".to_owned(),
        stretches,
    });
    calendar.clock.set(hour(day, 1));
    calendar.settle().await;
}

#[tokio::test]
async fn unread_rows_are_safe_until_the_server_purges_the_oldest_of_them() {
    let calendar = calendar().await;
    let unknown = calendar.summary().await.horizons.remove(0);
    let both = vec![stretch("Messages", 101), stretch("ConferenceMessages", 100)];
    read(&calendar, 101, both).await;

    let horizon = calendar.summary().await.horizons.remove(0);

    assert_eq!((unknown.purged, unknown.margin), (None, 7 * 86_400));
    assert_eq!(horizon.database, "sql01 lcslog");
    assert_eq!(horizon.purged, Some(midnight(114) + 2 * 3_600));
    calendar.lab.stop().await;
}
