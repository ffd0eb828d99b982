use jiff::Timestamp;

use super::{Tables, script::MOST_ROWS};
use crate::tds::{Column, Kind, Row, Value};

/// 100 ns from 0001-01-01 to 1970-01-01.
const UNITS_AT_EPOCH: i128 = 621_355_968_000_000_000;

/// A script that makes the tables of a model, with all their rows, in an empty database.
pub(crate) fn write(tables: &impl Tables) -> String {
    let mut script = String::new();
    for name in tables.names() {
        let Some(table) = tables.describe(name) else {
            continue;
        };
        script.push_str(&create(name, &table.columns, table.key));
        let rows: Vec<Row> = tables.scan(name, None, None).collect();
        for rows in rows.chunks(MOST_ROWS) {
            script.push_str(&insert(name, &table.columns, rows));
        }
    }
    script
}

fn create(name: &str, columns: &[Column], key: usize) -> String {
    let column = |(place, column): (usize, &Column)| {
        let null = if place < key { "NOT NULL" } else { "NULL" };
        format!("[{}] {} {null}", column.name, type_name(column.kind))
    };
    let mut lines: Vec<_> = columns.iter().enumerate().map(column).collect();
    if key > 0 {
        lines.push(format!("PRIMARY KEY ({})", names(&columns[..key])));
    }
    format!("CREATE TABLE dbo.[{name}] ({});\n", lines.join(", "))
}

fn insert(name: &str, columns: &[Column], rows: &[Row]) -> String {
    let row = |row: &Row| {
        let values = row.iter().zip(columns);
        let values = values.map(|(value, column)| literal(value, column.kind));
        format!("({})", values.collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let names = names(columns);
    let rows = rows.join(",\n");
    format!("INSERT INTO dbo.[{name}] ({names}) VALUES\n{rows};\n")
}

fn names(columns: &[Column]) -> String {
    let names = columns.iter().map(|column| format!("[{}]", column.name));
    names.collect::<Vec<_>>().join(", ")
}

fn type_name(kind: Kind) -> String {
    match kind {
        Kind::Bit => "bit".to_owned(),
        Kind::TinyInt => "tinyint".to_owned(),
        Kind::SmallInt => "smallint".to_owned(),
        Kind::Int => "int".to_owned(),
        Kind::BigInt => "bigint".to_owned(),
        Kind::DateTime => "datetime".to_owned(),
        Kind::DateTime2 => "datetime2".to_owned(),
        Kind::Guid => "uniqueidentifier".to_owned(),
        Kind::NVarChar(limit) => format!("nvarchar({limit})"),
        Kind::NVarCharMax => "nvarchar(max)".to_owned(),
        Kind::NText => "ntext".to_owned(),
        Kind::VarBinary(limit) => format!("varbinary({limit})"),
        Kind::VarBinaryMax => "varbinary(max)".to_owned(),
    }
}

fn literal(value: &Value, kind: Kind) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bit(bit) => u8::from(*bit).to_string(),
        Value::Int(number) => number.to_string(),
        Value::BigInt(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => match kind {
            Kind::NText | Kind::NVarCharMax | Kind::NVarChar(_) => utf16(bytes),
            _ => format!("0x{}", hex(bytes)),
        },
        Value::DateTime(time) => {
            // Rounded: a datetime that is written with three digits is read as it was.
            let milliseconds = (time.to_ticks() * 20 + 3).div_euclid(6);
            moment(i128::from(milliseconds) * 1_000_000, "%.3f")
        }
        Value::DateTime2(time) => {
            let units = i128::from(time.0) - UNITS_AT_EPOCH;
            moment(units * 100, "%.7f")
        }
        Value::Guid(guid) => {
            let groups = [0..4, 4..6, 6..8, 8..10, 10..16].map(|group| hex(&guid[group]));
            format!("'{}'", groups.join("-"))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// UTF-16 as it is stored, which need not be text.
fn utf16(bytes: &[u8]) -> String {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<_> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    match String::from_utf16(&units) {
        Ok(text) if rest.is_empty() => quoted(&text),
        _ => format!("CAST(0x{} AS nvarchar(max))", hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.concat()
}

/// Nanoseconds since 1970 in the one form that means the same whatever language a login has.
fn moment(nanoseconds: i128, fraction: &str) -> String {
    let time = Timestamp::from_nanosecond(nanoseconds).unwrap_or_default();
    format!(
        "'{}'",
        time.strftime(&format!("%Y-%m-%dT%H:%M:%S{fraction}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lcslog::{LcsLog, Message, Session, body},
        mgc::Mgc,
        tds::DateTime,
    };

    #[test]
    fn an_archiving_database_comes_back_from_its_script() {
        let database = LcsLog::default();
        database.content_type("text/plain");
        for (seq, text) in [(1, "it's"), (2, "two\r\nlines \u{1F389}"), (3, "")] {
            database.add(Message {
                // One, two and three three-hundredths of a second behind the whole one.
                time: DateTime::from_ticks(1_741_593_600 * 300 + i64::from(seq)),
                seq,
                session: Session::default(),
                from: database.user("ann@contoso.com"),
                to: database.user("bob@contoso.com"),
                content_type: 1,
                body: body(text),
                toast: seq == 2,
            });
        }
        let script = database.script();

        let again = LcsLog::filled(&script).unwrap().script();

        assert_eq!(again, script);
        assert!(script.contains("'2025-03-10T08:00:00.003', 1,"), "{script}");
        assert!(script.contains("N'it''s', 0"), "{script}");
    }

    #[test]
    fn rooms_come_back_from_their_script() {
        let rooms = Mgc::default();
        let room = rooms.room("Project X");
        let ann = rooms.person("sip:ann@contoso.com", "Ann", None);
        rooms.say(room, ann, 1_741_593_600, "hello");
        rooms.alert(room, ann, 1_741_593_601, "fire");
        let script = rooms.script();

        let again = Mgc::filled(&script).unwrap().script();

        assert_eq!(again, script);
        assert!(script.contains("'02000000-0000-4000-8000-00000000012C'"));
    }

    #[test]
    fn what_is_no_text_is_written_as_its_bytes() {
        assert_eq!(
            utf16(&[0x00, 0xDC, 0x68, 0x00]),
            "CAST(0x00DC6800 AS nvarchar(max))"
        );
        assert_eq!(literal(&Value::Bytes(vec![1]), Kind::VarBinaryMax), "0x01");
    }

    #[test]
    fn a_datetime2_has_its_seven_digits() {
        let time = crate::tds::DateTime2(630_822_816_000_000_001);

        let written = literal(&Value::DateTime2(time), Kind::DateTime2);

        assert_eq!(written, "'2000-01-01T00:00:00.0000001'");
    }
}
