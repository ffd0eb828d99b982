use super::{
    Column, Kind, Value,
    parameter::{CHARBIN_NULL, PLP_NULL, UNITS_OF_DAY, UNKNOWN_LENGTH},
    wire::{reorder_guid, utf16},
};

/// [MS-TDS] 2.2.7.19 and 2.2.7.13.
const ROW: u8 = 0xd1;
const NULL_COMPRESSED_ROW: u8 = 0xd2;

/// How long the parts of a large value are: odd, so that characters are torn, and shorter than a packet.
const PART: usize = 1_531;

/// The value of a row does not fit its column: a mistake of the test.
#[derive(Debug, thiserror::Error)]
#[error("a value does not fit column {column}")]
pub(super) struct Misfit {
    column: String,
}

/// Appends a row; where half of it or more is NULL, without its NULLs.
pub(super) fn put(columns: &[Column], row: &[Value], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let misfit = |column: &str| Misfit {
        column: column.to_owned(),
    };
    if row.len() != columns.len() {
        return Err(misfit("number of values"));
    }
    let nulls = row.iter().filter(|value| **value == Value::Null).count();
    let is_compressed = nulls * 2 >= row.len();
    if is_compressed {
        put_bitmap(row, out);
    } else {
        out.push(ROW);
    }
    for (column, value) in columns.iter().zip(row) {
        if is_compressed && *value == Value::Null {
            continue;
        }
        put_value(column.kind, value, out).ok_or_else(|| misfit(&column.name))?;
    }
    Ok(())
}

/// A bit for each column, the first one in the lowest: whether it is NULL.
fn put_bitmap(row: &[Value], out: &mut Vec<u8>) {
    out.push(NULL_COMPRESSED_ROW);
    for values in row.chunks(8) {
        let values = values.iter().rev();
        out.push(values.fold(0, |bits, value| {
            (bits << 1) | u8::from(*value == Value::Null)
        }));
    }
}

/// Appends a value as its column has it; `None` where it does not fit.
fn put_value(kind: Kind, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match (kind, value) {
        (kind, Value::Null) => put_null(kind, out),
        (Kind::Bit, Value::Bit(bit)) => out.extend([1, u8::from(*bit)]),
        (Kind::TinyInt, number) => put_short(&narrow::<u8>(number)?.to_le_bytes(), out),
        (Kind::SmallInt, number) => put_short(&narrow::<i16>(number)?.to_le_bytes(), out),
        (Kind::Int, number) => put_short(&narrow::<i32>(number)?.to_le_bytes(), out),
        (Kind::BigInt, number) => put_short(&narrow::<i64>(number)?.to_le_bytes(), out),
        (Kind::DateTime, Value::DateTime(time)) => {
            out.push(8);
            out.extend(time.days.to_le_bytes());
            out.extend(time.ticks.to_le_bytes());
        }
        (Kind::DateTime2, Value::DateTime2(time)) => {
            let (days, units) = (time.0 / UNITS_OF_DAY, time.0 % UNITS_OF_DAY);
            out.push(8);
            out.extend(&units.to_le_bytes()[..5]);
            out.extend(&days.to_le_bytes()[..3]);
        }
        (Kind::Guid, Value::Guid(guid)) => put_short(&reorder_guid(*guid), out),
        (Kind::NVarChar(units), Value::Text(text)) => {
            put_limited(&utf16(text), usize::from(units) * 2, out)?;
        }
        (Kind::VarBinary(limit), Value::Bytes(bytes)) => put_limited(bytes, limit.into(), out)?,
        (Kind::NVarCharMax, Value::Text(text)) => put_parts(&utf16(text), out),
        (Kind::NText, Value::Text(text)) => put_ntext(&utf16(text), out)?,
        // UTF-16 that nobody checked: SQL Server stores it, and gives it out again.
        (Kind::NVarChar(units), Value::Bytes(bytes)) => {
            put_limited(bytes, usize::from(units) * 2, out)?;
        }
        (Kind::NVarCharMax | Kind::VarBinaryMax, Value::Bytes(bytes)) => put_parts(bytes, out),
        (Kind::NText, Value::Bytes(bytes)) => put_ntext(bytes, out)?,
        _ => return None,
    }
    Some(())
}

fn put_null(kind: Kind, out: &mut Vec<u8>) {
    match kind {
        Kind::NVarChar(_) | Kind::VarBinary(_) => out.extend(CHARBIN_NULL.to_le_bytes()),
        Kind::NVarCharMax | Kind::VarBinaryMax => out.extend(PLP_NULL.to_le_bytes()),
        _ => out.push(0),
    }
}

/// A whole number as another type, where it has room for it.
fn narrow<N: TryFrom<i64>>(value: &Value) -> Option<N> {
    let number = match value {
        Value::Int(number) => i64::from(*number),
        Value::BigInt(number) => *number,
        _ => return None,
    };
    N::try_from(number).ok()
}

fn put_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(bytes.len()).unwrap_or(0));
    out.extend(bytes);
}

fn put_limited(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Option<()> {
    let length = u16::try_from(bytes.len()).ok()?;
    if bytes.len() > limit {
        return None;
    }
    out.extend(length.to_le_bytes());
    out.extend(bytes);
    Some(())
}

/// A partially length-prefixed value, [MS-TDS] 2.2.5.2.3. SQL Server may leave the length open: here
/// that of values in several parts.
fn put_parts(bytes: &[u8], out: &mut Vec<u8>) {
    let is_whole = bytes.len() <= PART;
    let length = if is_whole {
        bytes.len() as u64
    } else {
        UNKNOWN_LENGTH
    };
    out.extend(length.to_le_bytes());
    for part in bytes.chunks(PART) {
        out.extend(u32::try_from(part.len()).unwrap_or(0).to_le_bytes());
        out.extend(part);
    }
    out.extend(0_u32.to_le_bytes());
}

/// A pointer and a timestamp come before the text, [MS-TDS] 2.2.7.19.
fn put_ntext(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    put_short(b"dummy textptr...", out);
    out.extend(b"dummyTS\0");
    out.extend(u32::try_from(bytes.len()).ok()?.to_le_bytes());
    out.extend(bytes);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Column, Kind, Value},
        put,
    };

    #[test]
    fn a_row_of_many_nulls_is_sent_without_them() {
        let columns: Vec<_> = (0..9)
            .map(|_| Column::new("number", Kind::TinyInt))
            .collect();
        let mut row = vec![Value::Null; 9];
        row[1] = Value::Int(7);

        let mut out = Vec::new();
        put(&columns, &row, &mut out).unwrap();

        assert_eq!(out, [0xd2, 0b1111_1101, 0b0000_0001, 1, 7]);
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        let mut out = Vec::new();
        let mut fits = |kind, value| put(&[Column::new("a", kind)], &[value], &mut out).is_ok();

        assert!(fits(Kind::TinyInt, Value::Int(255)));
        assert!(!fits(Kind::TinyInt, Value::Int(256)));
        assert!(!fits(Kind::Int, Value::Text("1".to_owned())));
        assert!(fits(Kind::NVarChar(2), Value::Text("ab".to_owned())));
        assert!(!fits(Kind::NVarChar(2), Value::Text("abc".to_owned())));
        assert!(fits(Kind::BigInt, Value::Int(1)));
    }
}
