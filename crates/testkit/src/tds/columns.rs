use super::{
    Column, Kind,
    parameter::{BIGVARBINARY, BITN, DATETIME2N, DATETIMEN, GUID, INTN, NO_LIMIT, NTEXT, NVARCHAR},
    tokens::COLLATION,
    wire::{put_b_varchar, put_us_varchar},
};

/// COLMETADATA, [MS-TDS] 2.2.7.4.
const COLUMN_METADATA: u8 = 0x81;
/// The column may be NULL, and be changed.
const FLAGS: u16 = 0x0009;
/// The limit of `ntext`, in bytes.
const NTEXT_LIMIT: u32 = 0x7fff_fffe;
/// Digits of a second in `datetime2(7)`.
const SCALE: u8 = 7;

/// Appends what the rows of an answer consist of.
pub(super) fn describe(columns: &[Column], out: &mut Vec<u8>) {
    out.push(COLUMN_METADATA);
    out.extend(u16::try_from(columns.len()).unwrap_or(0).to_le_bytes());
    for column in columns {
        let user_type = 0_u32;
        out.extend(user_type.to_le_bytes());
        out.extend(FLAGS.to_le_bytes());
        put_type(column.kind, out);
        put_b_varchar(&column.name, out);
    }
}

/// `TYPE_INFO`, [MS-TDS] 2.2.5.6.
fn put_type(kind: Kind, out: &mut Vec<u8>) {
    match kind {
        Kind::Bit => out.extend([BITN, 1]),
        Kind::TinyInt => out.extend([INTN, 1]),
        Kind::SmallInt => out.extend([INTN, 2]),
        Kind::Int => out.extend([INTN, 4]),
        Kind::BigInt => out.extend([INTN, 8]),
        Kind::DateTime => out.extend([DATETIMEN, 8]),
        Kind::DateTime2 => out.extend([DATETIME2N, SCALE]),
        Kind::Guid => out.extend([GUID, 16]),
        Kind::NVarChar(units) => put_text(units.saturating_mul(2), out),
        Kind::NVarCharMax => put_text(NO_LIMIT, out),
        Kind::VarBinary(bytes) => put_limited(BIGVARBINARY, bytes, out),
        Kind::VarBinaryMax => put_limited(BIGVARBINARY, NO_LIMIT, out),
        Kind::NText => {
            out.push(NTEXT);
            out.extend(NTEXT_LIMIT.to_le_bytes());
            out.extend(COLLATION);
            // The table that the text is stored in, in one part.
            out.push(1);
            put_us_varchar("table", out);
        }
    }
}

fn put_text(limit: u16, out: &mut Vec<u8>) {
    put_limited(NVARCHAR, limit, out);
    out.extend(COLLATION);
}

fn put_limited(kind: u8, limit: u16, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(limit.to_le_bytes());
}
