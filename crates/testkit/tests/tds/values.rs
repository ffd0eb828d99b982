use chatkeep_testkit::tds::{Answer, Column, DateTime, DateTime2, Kind, Options, Value};
use tiberius::{ColumnData, Uuid, time};

use crate::client::{ask, config, connect, serve};

const GUID: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// Some values of each type, and what the client makes of them.
fn values() -> Vec<(Kind, Value, ColumnData<'static>)> {
    let mut values = numbers();
    values.extend(times());
    values.extend(texts());
    values
}

fn numbers() -> Vec<(Kind, Value, ColumnData<'static>)> {
    vec![
        (Kind::Bit, Value::Bit(true), ColumnData::Bit(Some(true))),
        (Kind::Bit, Value::Bit(false), ColumnData::Bit(Some(false))),
        (Kind::Bit, Value::Null, ColumnData::Bit(None)),
        (Kind::TinyInt, Value::Int(255), ColumnData::U8(Some(255))),
        (Kind::TinyInt, Value::Null, ColumnData::U8(None)),
        (
            Kind::SmallInt,
            Value::Int(-32_768),
            ColumnData::I16(Some(i16::MIN)),
        ),
        (Kind::SmallInt, Value::Null, ColumnData::I16(None)),
        (
            Kind::Int,
            Value::Int(i32::MIN),
            ColumnData::I32(Some(i32::MIN)),
        ),
        (Kind::Int, Value::Null, ColumnData::I32(None)),
        (
            Kind::BigInt,
            Value::BigInt(i64::MAX),
            ColumnData::I64(Some(i64::MAX)),
        ),
        (Kind::BigInt, Value::Null, ColumnData::I64(None)),
        (
            Kind::Guid,
            Value::Guid(GUID),
            ColumnData::Guid(Some(Uuid::from_bytes(GUID))),
        ),
        (Kind::Guid, Value::Null, ColumnData::Guid(None)),
    ]
}

fn times() -> Vec<(Kind, Value, ColumnData<'static>)> {
    let day = 24 * 60 * 60 * 10_000_000;
    let (days, ticks) = (45_123, 25_919_999);
    let read = ColumnData::DateTime(Some(time::DateTime::new(days, ticks)));
    let before_1900 = ColumnData::DateTime(Some(time::DateTime::new(-53_690, 0)));
    let last = time::DateTime2::new(time::Date::new(3_652_058), time::Time::new(day - 1, 7));
    vec![
        (
            Kind::DateTime,
            Value::DateTime(DateTime { days, ticks }),
            read,
        ),
        (
            Kind::DateTime,
            Value::DateTime(DateTime {
                days: -53_690,
                ticks: 0,
            }),
            before_1900,
        ),
        (Kind::DateTime, Value::Null, ColumnData::DateTime(None)),
        (
            Kind::DateTime2,
            Value::DateTime2(DateTime2(3_652_058 * day + day - 1)),
            ColumnData::DateTime2(Some(last)),
        ),
        (Kind::DateTime2, Value::Null, ColumnData::DateTime2(None)),
    ]
}

fn texts() -> Vec<(Kind, Value, ColumnData<'static>)> {
    let text = |text: &str| Value::Text(text.to_owned());
    let read = |text: &str| ColumnData::String(Some(text.to_owned().into()));
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let read_bytes = |bytes: &[u8]| ColumnData::Binary(Some(bytes.to_vec().into()));
    let long = "z\u{1f600}\u{3a9}".repeat(50_000);
    let many = [0, 255, 1].repeat(70_001);
    let mut values = Vec::new();
    for kind in [Kind::NVarChar(450), Kind::NVarCharMax, Kind::NText] {
        values.push((kind, text(""), read("")));
        values.push((kind, text("a\u{0}b"), read("a\u{0}b")));
        values.push((kind, text("\u{1f600}"), read("\u{1f600}")));
        values.push((kind, Value::Null, ColumnData::String(None)));
    }
    for kind in [Kind::NVarCharMax, Kind::NText] {
        values.push((kind, text(&long), read(&long)));
    }
    for kind in [Kind::VarBinary(775), Kind::VarBinaryMax] {
        values.push((kind, bytes(b""), read_bytes(b"")));
        values.push((kind, bytes(&[0, 255]), read_bytes(&[0, 255])));
        values.push((kind, Value::Null, ColumnData::Binary(None)));
    }
    values.push((Kind::VarBinaryMax, bytes(&many), read_bytes(&many)));
    values
}

#[tokio::test]
async fn every_value_of_every_type_is_read_as_it_was_given() {
    let server = serve(Options::default(), |request| {
        let Some(Value::Int(at)) = request.parameters.first() else {
            return Answer::Done(0);
        };
        let (kind, value, _) = values().swap_remove(usize::try_from(*at).unwrap());
        let columns = vec![Column::new("value", kind), Column::new("after", Kind::Int)];
        // With a value beside it, alone among NULLs, and as one of many.
        let after = Value::Int(7);
        Answer::rows(
            columns,
            [vec![value.clone(), after], vec![value, Value::Null]],
        )
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();

    for (at, (kind, _, expected)) in values().into_iter().enumerate() {
        let parameter = ColumnData::I32(Some(i32::try_from(at).unwrap()));
        let (rows, error) = ask(&mut connection, "SELECT @P1", vec![parameter]).await;

        assert_eq!(error, None, "{kind:?}");
        let after = ColumnData::I32(Some(7));
        let none = ColumnData::I32(None);
        let all = vec![vec![expected.clone(), after], vec![expected, none]];
        assert!(rows == all, "{kind:?}, value {at}");
    }
}

#[tokio::test]
async fn a_row_of_every_type_is_read_as_it_was_given() {
    let columns = || {
        let kinds = values().into_iter().map(|(kind, ..)| kind);
        kinds.map(|kind| Column::new("value", kind)).collect()
    };
    let server = serve(Options::default(), move |_| {
        let row = values().into_iter().map(|(_, value, _)| value).collect();
        let nulls = vec![Value::Null; values().len()];
        Answer::rows(columns(), [row, nulls])
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();

    let (rows, error) = ask(&mut connection, "SELECT all", Vec::new()).await;

    assert_eq!(error, None);
    let row: Vec<_> = values().into_iter().map(|(.., read)| read).collect();
    assert!(rows[0] == row);
    assert_eq!(rows[1].len(), row.len());
}

/// SQL Server checks no text: half a surrogate pair is stored, and given out again.
#[tokio::test]
async fn damaged_text_ends_an_answer_and_damaged_bytes_do_not() {
    for kind in [Kind::NVarCharMax, Kind::NText, Kind::VarBinaryMax] {
        let server = serve(Options::default(), move |_| {
            let damaged = Value::Bytes(vec![b'a', 0, 0, 0xd8]);
            Answer::rows(vec![Column::new("body", kind)], [vec![damaged]])
        })
        .await;
        let mut connection = connect(config(&server)).await.unwrap();

        let (rows, error) = ask(&mut connection, "SELECT body", Vec::new()).await;

        let is_read = kind == Kind::VarBinaryMax;
        assert_eq!(
            (rows.len(), error.is_none()),
            (usize::from(is_read), is_read)
        );
    }
}

#[tokio::test]
async fn every_parameter_arrives_as_it_was_sent() {
    let kinds = [
        Kind::Bit,
        Kind::TinyInt,
        Kind::SmallInt,
        Kind::Int,
        Kind::BigInt,
        Kind::Guid,
        Kind::DateTime,
        Kind::DateTime2,
        Kind::NVarCharMax,
        Kind::NVarCharMax,
        Kind::NVarCharMax,
        Kind::VarBinaryMax,
        Kind::VarBinaryMax,
    ];
    let server = serve(Options::default(), move |request| {
        let columns = kinds.map(|kind| Column::new("value", kind)).to_vec();
        Answer::rows(columns, [request.parameters.to_vec()])
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();
    let long = "z\u{1f600}".repeat(5_000);
    let time2 = time::DateTime2::new(
        time::Date::new(738_000),
        time::Time::new(123_456_789_012, 7),
    );

    let sent = vec![
        ColumnData::Bit(Some(true)),
        ColumnData::U8(Some(200)),
        ColumnData::I16(Some(-2)),
        ColumnData::I32(Some(-3)),
        ColumnData::I64(Some(i64::MIN)),
        ColumnData::Guid(Some(Uuid::from_bytes(GUID))),
        ColumnData::DateTime(Some(time::DateTime::new(45_123, 25_919_999))),
        ColumnData::DateTime2(Some(time2)),
        ColumnData::String(Some("a\u{0}b".into())),
        ColumnData::String(Some(long.into())),
        ColumnData::String(None),
        ColumnData::Binary(Some(vec![0, 255].into())),
        ColumnData::Binary(Some(vec![7; 9_000].into())),
    ];
    let (rows, error) = ask(&mut connection, "SELECT @P1", sent.clone()).await;

    assert_eq!(error, None);
    assert_eq!(rows, [sent]);
}
