//! The model of an archiving database, asked without a server.

use chatkeep_testkit::{
    lcslog::{
        Conference, ConferenceMessage, Generated, Late, Layout, LcsLog, Message, Session, body,
    },
    tds::{Answer, Column, Database as _, DateTime, Kind, Request, Row, Value},
};

const MESSAGES: &str = "/* chatkeep:messages */ \
    SELECT TOP (@P1) WITH TIES m.MessageIdTime, m.MessageIdSeq, f.UserUri AS FromUri, \
    ct.ContentType, CAST(CAST(m.Body AS nvarchar(max)) AS varbinary(max)) AS Body \
    FROM dbo.Messages AS m LEFT JOIN dbo.Users AS f ON f.UserId = m.FromId \
    LEFT JOIN dbo.ContentTypes ct ON ct.ContentTypeId = m.ContentTypeId \
    WHERE m.MessageIdTime >= @P2 AND m.MessageIdTime < @P4 \
    AND (m.MessageIdTime > @P2 OR m.MessageIdSeq > @P3) \
    ORDER BY m.MessageIdTime, m.MessageIdSeq";

const START: DateTime = DateTime {
    days: 45_000,
    ticks: 0,
};
const SESSION: Session = Session {
    time: START,
    seq: 1,
};

fn at(ticks: i64) -> DateTime {
    DateTime::from_ticks(START.to_ticks() + ticks)
}

fn message(ticks: i64, seq: i32, from: i32, text: &str) -> Message {
    Message {
        time: at(ticks),
        seq,
        session: SESSION,
        from,
        to: 2,
        content_type: 1,
        body: body(text),
        toast: false,
    }
}

fn generated(rows: u64) -> Generated {
    Generated {
        seed: 7,
        rows,
        start: START,
        step: 100,
        users: 1_000,
    }
}

fn answer(log: &LcsLog, statement: &str, parameters: &[Value]) -> Answer {
    let name = statement.strip_prefix("/* chatkeep:").unwrap_or_default();
    log.answer(&Request {
        database: "LcsLog",
        name: name.split(' ').next().unwrap(),
        statement,
        parameters,
    })
}

fn rows(log: &LcsLog, statement: &str, parameters: &[Value]) -> (Vec<Column>, Vec<Row>) {
    match answer(log, statement, parameters) {
        Answer::Rows { columns, rows } => (columns, rows.collect()),
        other => panic!("no rows: {other:?}"),
    }
}

fn error(log: &LcsLog, statement: &str) -> i32 {
    match answer(log, statement, &[]) {
        Answer::Error { number, .. } => number,
        other => panic!("no error: {other:?}"),
    }
}

fn page(log: &LcsLog, size: i32, (time, seq): (DateTime, i32), end: DateTime) -> Vec<Row> {
    let parameters = [
        Value::Int(size),
        Value::DateTime(time),
        Value::Int(seq),
        Value::DateTime(end),
    ];
    rows(log, MESSAGES, &parameters).1
}

fn key(row: &Row) -> (DateTime, i32) {
    match row[..] {
        [Value::DateTime(time), Value::Int(seq), ..] => (time, seq),
        _ => panic!("no key: {row:?}"),
    }
}

fn texts(rows: &[Row], at: usize) -> Vec<&str> {
    let texts = rows.iter().map(|row| match &row[at] {
        Value::Text(text) => text.as_str(),
        _ => "NULL",
    });
    texts.collect()
}

#[test]
fn pages_by_key_have_every_row_once() {
    let log = LcsLog::default();
    log.generate(generated(10_000));
    for ticks in 0..200 {
        log.add(message(ticks * 7, 5, 1, "stored"));
    }

    let mut keys = Vec::new();
    let mut last = (START, i32::MIN);
    loop {
        let page = page(&log, 333, last, DateTime::MAX);
        let Some(row) = page.last() else { break };
        assert!(page.len() <= 333);
        last = key(row);
        keys.extend(page.iter().map(key));
    }

    assert_eq!(keys.len(), 10_200);
    assert!(keys.is_sorted_by(|before, after| before < after));
}

#[test]
fn a_page_of_ten_million_rows_costs_what_a_page_costs() {
    let log = LcsLog::default();
    log.generate(generated(10_000_000));

    for block in 0..100 {
        let start = (at(block * 3_000_000), i32::MAX);
        let page = page(&log, 10, start, DateTime::MAX);

        assert_eq!(page.len(), 10);
        assert_eq!(key(&page[0]), (at(block * 3_000_000 + 100), 0));
    }
}

#[test]
fn a_page_ends_before_its_end() {
    let log = LcsLog::default();
    log.generate(generated(1_000));

    let page = page(&log, 5_000, (START, i32::MIN), at(1_000));

    assert_eq!(page.len(), 30);
    assert_eq!(key(&page[29]), (at(900), 2));
}

#[test]
fn rows_that_are_sorted_by_the_same_stay_together_where_a_statement_says_so() {
    let log = LcsLog::default();
    log.generate(generated(9));

    for order in ["m.MessageIdTime", "m.MessageIdTime DESC", "m.ContentTypeId"] {
        let all = if order == "m.ContentTypeId" { 9 } else { 6 };
        for (ties, expected) in [("WITH TIES", all), ("", 4)] {
            let statement = format!(
                "SELECT TOP (4) {ties} m.MessageIdTime FROM dbo.Messages AS m ORDER BY {order}"
            );

            let (_, found) = rows(&log, &statement, &[]);

            assert_eq!(found.len(), expected, "{statement}");
        }
    }
}

#[test]
fn a_row_whose_user_is_gone_is_lost_by_an_inner_join_only() {
    let log = LcsLog::default();
    let (ann, bob) = (log.user("ann@contoso.com"), log.user("bob@contoso.com"));
    log.content_type("text/plain");
    log.add(message(0, 0, ann, "one"));
    log.add(message(1, 0, bob, "two"));
    log.remove_user(ann);
    let everything = [
        Value::Int(10),
        Value::DateTime(START),
        Value::Int(-1),
        Value::DateTime(DateTime::MAX),
    ];

    let (_, left) = rows(&log, MESSAGES, &everything);
    let inner = MESSAGES.replace("LEFT JOIN", "INNER JOIN");
    let (_, inner) = rows(&log, &inner, &everything);

    assert_eq!(texts(&left, 2), ["NULL", "bob@contoso.com"]);
    assert_eq!(texts(&inner, 2), ["bob@contoso.com"]);
}

#[test]
fn a_body_is_the_bytes_that_are_stored() {
    let log = LcsLog::default();
    let mut damaged = message(0, 0, 1, "a");
    damaged.body.as_mut().unwrap().push(0xd800);
    log.add(damaged);
    let mut empty = message(1, 0, 1, "");
    empty.body = None;
    log.add(empty);

    let page = page(&log, 10, (START, -1), DateTime::MAX);

    assert_eq!(page[0][4], Value::Bytes(vec![b'a', 0, 0, 0xd8]));
    assert_eq!(page[1][4], Value::Null);
}

#[test]
fn what_is_taken_away_is_an_error_to_ask_for() {
    let log = LcsLog::default();
    let toast = "SELECT m.Toast FROM dbo.Messages AS m";
    assert!(rows(&log, toast, &[]).1.is_empty());

    log.drop_column("Messages", "Toast");
    assert_eq!(error(&log, toast), 207);
    log.drop_table("Messages");
    assert_eq!(error(&log, toast), 208);
}

#[test]
fn the_layout_can_be_asked_for() {
    let columns = "SELECT c.COLUMN_NAME, c.DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS AS c \
        WHERE c.TABLE_SCHEMA = 'DBO' AND c.TABLE_NAME = 'Messages' ORDER BY c.COLUMN_NAME DESC";
    let log = LcsLog::default();
    log.drop_column("Messages", "ContextNote");
    log.set_kind("Messages", "Toast", Kind::BigInt);

    let (_, found) = rows(&log, columns, &[]);

    assert_eq!(found.len(), 10);
    assert_eq!(texts(&found, 0)[..3], ["ToId", "Toast", "Subject"]);
    assert_eq!(texts(&found, 1)[..3], ["int", "bigint", "bit"]);
}

#[test]
fn the_uri_of_a_conference_stands_in_either_of_two_places() {
    for (layout, statement) in [
        (
            Layout::UriTable,
            "SELECT u.ConferenceUri FROM dbo.Conferences AS c \
             LEFT JOIN dbo.ConferenceUris AS u ON u.ConferenceUriId = c.ConferenceUriId",
        ),
        (
            Layout::UriColumn,
            "SELECT c.ConferenceUri FROM dbo.Conferences AS c",
        ),
    ] {
        let log = LcsLog::new(layout);
        log.add_conference(Conference {
            session: SESSION,
            uri: Some("ann@contoso.com;gruu;opaque=app:conf:focus:id:1".to_owned()),
            start: Some(START),
            end: None,
            organizer: None,
        });

        let (_, found) = rows(&log, statement, &[]);

        assert!(texts(&found, 0)[0].ends_with(":id:1"), "{layout:?}");
    }
}

#[test]
fn recipients_are_found_by_a_list_of_messages() {
    let log = LcsLog::default();
    let people: Vec<_> = ["ann", "bob", "cyd"]
        .iter()
        .map(|name| log.user(name))
        .collect();
    for id in 1..=100 {
        log.add_conference_message(ConferenceMessage {
            id,
            time: at(id),
            session: SESSION,
            from: people[0],
            content_type: 1,
            body: body("text"),
            recipients: people.clone(),
        });
    }

    let statement = "SELECT rl.MessageId, u.UserUri FROM dbo.ConferenceMessageRecipientList AS rl \
        LEFT JOIN dbo.Users AS u ON u.UserId = rl.UserId WHERE rl.MessageId IN (@P1, @P2, @P2)";
    let parameters = [Value::Int(7), Value::BigInt(50)];
    let (_, found) = rows(&log, statement, &parameters);

    assert_eq!(texts(&found, 1), ["ann", "bob", "cyd", "ann", "bob", "cyd"]);
}

#[test]
fn the_span_of_a_table_is_null_without_rows() {
    let span = "SELECT MIN(m.MessageIdTime) AS FirstTime, MAX(m.MessageIdTime) AS LastTime \
        FROM dbo.Messages AS m WHERE m.MessageIdTime >= @P1";
    let log = LcsLog::default();
    let from = |ticks| [Value::DateTime(at(ticks))];
    assert_eq!(rows(&log, span, &from(0)).1, [[Value::Null, Value::Null]]);

    log.generate(generated(10_000_000));

    let last = at(333_333_300);
    let (columns, found) = rows(&log, span, &from(150));
    assert_eq!(found, [[Value::DateTime(at(200)), Value::DateTime(last)]]);
    assert_eq!(columns[0], Column::new("FirstTime", Kind::DateTime));
    let beyond = from(333_333_301);
    assert_eq!(rows(&log, span, &beyond).1, [[Value::Null, Value::Null]]);
}

#[test]
fn rows_are_counted_by_their_hours() {
    const HOUR: i64 = 60 * 60 * 300;
    let log = LcsLog::default();
    for (number, ticks) in (0..).zip([0, 5, HOUR - 1, HOUR, 25 * HOUR]) {
        log.add(message(ticks, number, 1, "one"));
    }

    let (columns, found) = rows(
        &log,
        "SELECT DATEDIFF(hour, 0, m.MessageIdTime) AS HourNumber, COUNT_BIG(*) AS RowCount64 \
         FROM dbo.Messages AS m WHERE m.MessageIdTime >= @P1 \
         GROUP BY DATEDIFF(hour, 0, m.MessageIdTime)",
        &[Value::DateTime(at(1))],
    );

    let first = i64::from(START.days) * 24;
    let row = |hour, count| vec![Value::BigInt(first + hour), Value::BigInt(count)];
    assert_eq!(found, [row(0, 2), row(1, 1), row(25, 1)]);
    assert_eq!(columns[1], Column::new("RowCount64", Kind::BigInt));
}

#[test]
fn a_row_that_is_committed_late_is_there_from_then_on() {
    let log = LcsLog::default();
    log.commit_at("messages", 2, Late::Message(message(0, 0, 1, "late")));
    let count = || page(&log, 10, (START, -1), DateTime::MAX).len();

    assert_eq!([count(), count(), count()], [0, 1, 1]);
    assert_eq!(log.asked().get("messages"), Some(&3));
}

#[test]
fn a_rebuilt_database_has_another_identity() {
    let identity = "/* chatkeep:identity */ SELECT d.service_broker_guid, d.create_date, \
        CAST(SYSUTCDATETIME() AS datetime) AS now FROM sys.databases AS d \
        WHERE d.database_id = DB_ID()";
    let log = LcsLog::default();
    log.set_now(at(5));
    let before = rows(&log, identity, &[]).1;

    log.set_identity(None, START);

    let after = rows(&log, identity, &[]).1;
    let [Value::Guid(_), Value::DateTime(_), Value::DateTime(now)] = before[0][..] else {
        panic!("{before:?}");
    };
    assert_eq!(now, at(5));
    assert_eq!(after[0][..2], [Value::Null, Value::DateTime(START)]);
}

#[test]
fn what_the_model_does_not_understand_is_an_error() {
    let log = LcsLog::default();
    log.add(message(0, 0, 1, "one"));

    for statement in [
        "DELETE FROM dbo.Messages",
        "SELECT * FROM dbo.Messages",
        "SELECT ROW_NUMBER() OVER (ORDER BY m.ToId) AS n FROM dbo.Messages AS m",
        "SELECT m.ToId, m.FromId FROM dbo.Messages AS m GROUP BY m.ToId",
        "SELECT m.ToId FROM dbo.Messages AS m GROUP BY m.ToId ORDER BY m.ToId",
        "SELECT DATEDIFF(hour, 1, m.MessageIdTime) AS n FROM dbo.Messages AS m",
        "SELECT m.ToId FROM dbo.Messages AS m; SELECT 1 AS one",
    ] {
        assert_eq!(error(&log, statement), 50_001, "{statement}");
    }
    let time = "SELECT m.ToId FROM dbo.Messages AS m WHERE m.MessageIdTime > '2026-01-01'";
    assert_eq!(error(&log, time), 50_001);
}
