//! Numbers and strings of [MS-TDS] 2.2.5.1, little-endian, strings in UTF-16.

/// What a client sent does not follow the protocol, or uses a part of it that the server does not speak.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    /// It ends too early.
    #[error("a message ends too early")]
    Short,
    /// It is something else than was expected there.
    #[error("{0}")]
    Unexpected(String),
}

/// Reads a message from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn array16(&mut self) -> Result<[u8; 16], Malformed> {
        self.array()
    }

    /// A string whose length in units comes first, in one byte.
    pub(super) fn b_varchar(&mut self) -> Result<String, Malformed> {
        let units = usize::from(self.u8()?);
        text(self.bytes(units * 2)?)
    }
}

/// A size that comes over the wire, as an offset into a message.
pub(super) fn size(of: u32) -> usize {
    // Messages are far shorter than 4 GiB, on every platform the tests run on.
    usize::try_from(of).unwrap_or(usize::MAX)
}

/// Text out of UTF-16.
pub(super) fn text(bytes: &[u8]) -> Result<String, Malformed> {
    let (units, []) = bytes.as_chunks() else {
        return Err(Malformed::Short);
    };
    let units: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
    String::from_utf16(&units).map_err(|_| Malformed::Unexpected("text is no UTF-16".to_owned()))
}

/// Text as UTF-16.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Appends a string, its length in one byte before it; what has more than 255 units is cut there.
pub(super) fn put_b_varchar(text: &str, out: &mut Vec<u8>) {
    let units: Vec<u16> = text.encode_utf16().take(usize::from(u8::MAX)).collect();
    out.push(u8::try_from(units.len()).unwrap_or(u8::MAX));
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

/// Appends a string, its length in two bytes before it; what has more than 4,000 units is cut there, so
/// that a token around it does not overflow.
pub(super) fn put_us_varchar(text: &str, out: &mut Vec<u8>) {
    let units: Vec<u16> = text.encode_utf16().take(4_000).collect();
    out.extend(u16::try_from(units.len()).unwrap_or(4_000).to_le_bytes());
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

/// Between the order of a GUID's text and the order in which it is sent: its first three fields are
/// little-endian.
pub(super) fn reorder_guid(mut guid: [u8; 16]) -> [u8; 16] {
    for field in [0..4, 4..6, 6..8] {
        guid[field].reverse();
    }
    guid
}
