//! Up to where databases were read, and until when what was not read is safe.

use chatkeep_proto::v1::{CursorRequest, Reach, Stretch, TaskKind};

use crate::{
    calendar::{Calendar, hour, midnight},
    world::{World, conversation},
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

fn stretch(stream: &str, from: Option<i64>, to: i64) -> Stretch {
    Stretch {
        stream: stream.to_owned(),
        from: from.map(midnight),
        to: midnight(to),
    }
}

/// A run on this day that reads these stretches of a database of this identity.
async fn read(calendar: &Calendar, day: i64, identity: &str, stretches: Vec<Stretch>) {
    *calendar.world.reach.lock().unwrap() = Some(Reach {
        database: DATABASE.to_owned(),
        identity: identity.to_owned(),
        stretches,
    });
    calendar.clock.set(hour(day, 1));
    calendar.settle().await;
}

/// The identity, and the positions in days, by stream.
async fn cursor(calendar: &Calendar) -> (String, Vec<(String, i64)>) {
    let request = CursorRequest {
        connector: "contoso".to_owned(),
        database: DATABASE.to_owned(),
    };
    let cursor = calendar.lab.ledger.clone().cursor(request).await;
    let cursor = cursor.unwrap().into_inner();
    let positions = cursor.positions.into_iter();
    let positions = positions.map(|one| (one.stream, one.position / 86_400));
    (cursor.identity, positions.collect())
}

fn positions(messages: i64) -> (String, Vec<(String, i64)>) {
    ("one".to_owned(), vec![("Messages".to_owned(), messages)])
}

#[tokio::test]
async fn a_position_moves_with_every_run_that_goes_on_where_the_one_before_ended() {
    let calendar = calendar().await;
    assert_eq!(cursor(&calendar).await, (String::new(), Vec::new()));

    read(&calendar, 101, "one", vec![stretch("Messages", None, 101)]).await;
    assert_eq!(cursor(&calendar).await, positions(101));
    let next = stretch("Messages", Some(101), 102);
    read(&calendar, 102, "one", vec![next]).await;

    assert_eq!(cursor(&calendar).await, positions(102));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_position_stays_before_a_gap() {
    let calendar = calendar().await;
    read(&calendar, 101, "one", vec![stretch("Messages", None, 50)]).await;

    let behind = stretch("Messages", Some(60), 70);
    read(&calendar, 102, "one", vec![behind]).await;

    assert_eq!(cursor(&calendar).await, positions(50));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_position_does_not_go_back() {
    let calendar = calendar().await;
    read(&calendar, 101, "one", vec![stretch("Messages", None, 50)]).await;

    let earlier = stretch("Messages", Some(10), 20);
    read(&calendar, 102, "one", vec![earlier]).await;

    assert_eq!(cursor(&calendar).await, positions(50));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_database_that_was_rebuilt_and_accepted_has_no_position_of_the_one_before() {
    let calendar = calendar().await;
    let both = vec![
        stretch("Messages", None, 101),
        stretch("ConferenceMessages", None, 100),
    ];
    read(&calendar, 101, "one", both).await;

    let anew = stretch("Messages", None, 7);
    read(&calendar, 102, "two", vec![anew]).await;

    let expected = ("two".to_owned(), vec![("Messages".to_owned(), 7)]);
    assert_eq!(cursor(&calendar).await, expected);
    calendar.lab.stop().await;
}

#[tokio::test]
async fn a_position_does_not_move_before_everything_was_captured() {
    let calendar = calendar().await;
    *calendar.world.reach.lock().unwrap() = Some(Reach {
        database: DATABASE.to_owned(),
        identity: "one".to_owned(),
        stretches: vec![stretch("Messages", None, 101)],
    });
    let calendar = Calendar {
        world: World {
            conversations: vec![conversation(1, &["ann@contoso.com"])],
            reach: std::mem::take(&mut *calendar.world.reach.lock().unwrap()).into(),
            ..World::of(Vec::new())
        },
        ..calendar
    };
    calendar.clock.set(hour(101, 1));
    let capture = loop {
        match calendar.receive().await {
            Some(task) if task.kind() == TaskKind::Capture => break task,
            Some(task) => calendar.world.work(&calendar.lab, &task).await,
            None => tokio::task::yield_now().await,
        }
    };

    assert_eq!(cursor(&calendar).await, (String::new(), Vec::new()));
    calendar.world.work(&calendar.lab, &capture).await;
    calendar.settle().await;
    assert_eq!(cursor(&calendar).await, positions(101));
    calendar.lab.stop().await;
}

#[tokio::test]
async fn unread_rows_are_safe_until_the_server_purges_the_oldest_of_them() {
    let calendar = calendar().await;
    let unknown = calendar.summary().await.horizons.remove(0);
    let both = vec![
        stretch("Messages", None, 101),
        stretch("ConferenceMessages", None, 100),
    ];
    read(&calendar, 101, "one", both).await;

    let horizon = calendar.summary().await.horizons.remove(0);

    assert_eq!((unknown.purged, unknown.margin), (None, 7 * 86_400));
    assert_eq!(horizon.database, "sql01 lcslog");
    assert_eq!(horizon.purged, Some(midnight(114) + 2 * 3_600));
    calendar.lab.stop().await;
}
