use super::{
    DateTime, DateTime2, Value,
    wire::{Input, Malformed, reorder_guid, size, text},
};

/// Data types, [MS-TDS] 2.2.5.4.
pub(super) const NULL: u8 = 0x1f;
pub(super) const GUID: u8 = 0x24;
pub(super) const INTN: u8 = 0x26;
pub(super) const DATETIME2N: u8 = 0x2a;
pub(super) const NTEXT: u8 = 0x63;
pub(super) const BITN: u8 = 0x68;
pub(super) const DATETIMEN: u8 = 0x6f;
pub(super) const BIGVARBINARY: u8 = 0xa5;
pub(super) const NVARCHAR: u8 = 0xe7;

/// The length that stands for NULL, the one of a type without limit, and the length of a value in parts
/// that is not known beforehand.
pub(super) const CHARBIN_NULL: u16 = 0xffff;
pub(super) const NO_LIMIT: u16 = 0xffff;
pub(super) const PLP_NULL: u64 = 0xffff_ffff_ffff_ffff;
pub(super) const UNKNOWN_LENGTH: u64 = 0xffff_ffff_ffff_fffe;

/// Days from 0001-01-01 count as so many units of 100 ns.
pub(super) const UNITS_OF_DAY: u64 = 24 * 60 * 60 * 10_000_000;

/// The type that a parameter is declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    Null,
    /// A type whose values say their length in one byte.
    Short(u8),
    /// `datetime2` with so many digits of a second.
    DateTime2(u8),
    /// Text or bytes: whether values come in parts.
    Long(u8, bool),
}

impl Declared {
    pub(super) fn read(input: &mut Input<'_>) -> Result<Self, Malformed> {
        match input.u8()? {
            NULL => Ok(Self::Null),
            kind @ (GUID | INTN | BITN | DATETIMEN) => input.u8().map(|_| Self::Short(kind)),
            DATETIME2N => input.u8().map(Self::DateTime2),
            BIGVARBINARY => Ok(Self::Long(BIGVARBINARY, input.u16()? == NO_LIMIT)),
            NVARCHAR => {
                let limit = input.u16()?;
                let _collation = input.bytes(5)?;
                Ok(Self::Long(NVARCHAR, limit == NO_LIMIT))
            }
            other => Err(unsupported(other)),
        }
    }
}

fn unsupported(kind: u8) -> Malformed {
    Malformed::Unexpected(format!("parameters of type {kind:#04x} are not supported"))
}

/// The value of a parameter.
pub(super) fn read(declared: Declared, input: &mut Input<'_>) -> Result<Value, Malformed> {
    match declared {
        Declared::Null => Ok(Value::Null),
        Declared::Short(kind) => {
            let length = usize::from(input.u8()?);
            short(kind, Input(input.bytes(length)?))
        }
        Declared::DateTime2(scale) => {
            let length = usize::from(input.u8()?);
            datetime2(scale, input.bytes(length)?)
        }
        Declared::Long(kind, in_parts) => {
            let bytes = if in_parts {
                parts(input)?
            } else {
                whole(input)?
            };
            match bytes {
                None => Ok(Value::Null),
                Some(bytes) if kind == NVARCHAR => text(&bytes).map(Value::Text),
                Some(bytes) => Ok(Value::Bytes(bytes)),
            }
        }
    }
}

fn short(kind: u8, mut value: Input<'_>) -> Result<Value, Malformed> {
    match (kind, value.0.len()) {
        (_, 0) => Ok(Value::Null),
        (BITN, 1) => value.u8().map(|bit| Value::Bit(bit != 0)),
        (INTN, 1) => value.u8().map(|number| Value::Int(number.into())),
        (INTN, 2) => value
            .u16()
            .map(|number| Value::Int(number.cast_signed().into())),
        (INTN, 4) => value.i32().map(Value::Int),
        (INTN, 8) => value.i64().map(Value::BigInt),
        (GUID, 16) => value.array16().map(|guid| Value::Guid(reorder_guid(guid))),
        (DATETIMEN, 8) => Ok(Value::DateTime(DateTime {
            days: value.i32()?,
            ticks: value.u32()?,
        })),
        _ => Err(unsupported(kind)),
    }
}

/// A time of day in units of its scale, then three bytes of days since 0001-01-01.
fn datetime2(scale: u8, value: &[u8]) -> Result<Value, Malformed> {
    if value.is_empty() {
        return Ok(Value::Null);
    }
    let (time, days) = value.split_last_chunk::<3>().ok_or(Malformed::Short)?;
    let factor = 7_u32.checked_sub(scale.into()).ok_or(Malformed::Short)?;
    let units = little_endian(time) * 10_u64.pow(factor);
    let units = little_endian(days) * UNITS_OF_DAY + units;
    Ok(Value::DateTime2(DateTime2(units)))
}

fn little_endian(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn whole(input: &mut Input<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    match input.u16()? {
        CHARBIN_NULL => Ok(None),
        length => Ok(Some(input.bytes(length.into())?.to_vec())),
    }
}

/// A partially length-prefixed value, [MS-TDS] 2.2.5.2.3.
fn parts(input: &mut Input<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    if input.u64()? == PLP_NULL {
        return Ok(None);
    }
    let mut value = Vec::new();
    loop {
        let length = input.u32()?;
        if length == 0 {
            return Ok(Some(value));
        }
        value.extend(input.bytes(size(length))?);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{DateTime2, Value, wire::Input},
        Declared, UNITS_OF_DAY, read,
    };

    #[test]
    fn a_datetime2_of_fewer_digits_is_the_same_time() {
        // One day and 1.5 seconds, in tenths.
        let mut input = Input(&[6, 15, 0, 0, 1, 0, 0]);

        let value = read(Declared::DateTime2(1), &mut input).unwrap();

        let expected = UNITS_OF_DAY + 15_000_000;
        assert_eq!(value, Value::DateTime2(DateTime2(expected)));
    }

    #[test]
    fn text_in_parts_is_put_together() {
        let mut bytes = vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        bytes.extend([3, 0, 0, 0, b'a', 0, b'b', 1, 0, 0, 0, 0, 0, 0, 0, 0]);

        let value = read(Declared::Long(super::NVARCHAR, true), &mut Input(&bytes)).unwrap();

        assert_eq!(value, Value::Text("ab".to_owned()));
    }
}
