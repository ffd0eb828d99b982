//! Until when what was not read of databases is safe.

use std::sync::{Arc, Mutex};

use chatkeep_proto::v1::{Reach, Stretch};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber,
};

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

/// Hears the errors of this thread.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of an event.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?};"));
    }
}

#[tokio::test]
async fn an_error_is_logged_once_an_hour_while_unread_rows_are_about_to_be_purged() {
    let errors = Errors::default();
    let _hearing = subscriber::set_default(errors.clone());
    let calendar = calendar().await;
    let both = vec![stretch("Messages", 101), stretch("ConferenceMessages", 101)];
    read(&calendar, 101, both).await;
    let heard = || errors.0.lock().unwrap().clone();
    let before = heard();

    // Nobody works for a week: what was read ends with day 100.
    let warned = async |hours: i64, count: usize| {
        calendar.clock.set(hour(108, hours));
        let all = async {
            while heard().len() < count {
                calendar.summary().await;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let patience = std::time::Duration::from_mins(1);
        tokio::time::timeout(patience, all).await.unwrap();
    };
    warned(3, 1).await;
    warned(4, 2).await;

    assert_eq!(before, Vec::<String>::new());
    assert_eq!(heard().len(), 2);
    for (line, seconds) in heard().iter().zip([7 * 86_400 - 3_600, 7 * 86_400 - 7_200]) {
        assert!(
            line.contains("about to be purged by their server"),
            "{line}"
        );
        assert!(
            line.contains("chatkeep.source.database=\"sql01 lcslog\""),
            "{line}"
        );
        assert!(line.contains(&format!("seconds_left={seconds}")), "{line}");
    }
    calendar.lab.stop().await;
}
