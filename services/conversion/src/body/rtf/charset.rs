//! Which encoding a code page or a font's character set means.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, IBM866, KOI8_R, MACINTOSH, SHIFT_JIS, UTF_8, WINDOWS_874,
    WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255,
    WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

/// `\ansicpgN` and `\cpgN`.
pub(super) fn of_code_page(number: i32) -> &'static Encoding {
    match number {
        866 => IBM866,
        874 => WINDOWS_874,
        932 => SHIFT_JIS,
        936 | 54936 => GBK,
        949 | 1361 => EUC_KR,
        950 => BIG5,
        1250 => WINDOWS_1250,
        1251 => WINDOWS_1251,
        1253 => WINDOWS_1253,
        1254 => WINDOWS_1254,
        1255 => WINDOWS_1255,
        1256 => WINDOWS_1256,
        1257 => WINDOWS_1257,
        1258 => WINDOWS_1258,
        10000 => MACINTOSH,
        20866 => KOI8_R,
        65001 => UTF_8,
        _ => WINDOWS_1252,
    }
}

/// `\fcharsetN`; `None` where the font takes the document's.
pub(super) fn of_font(number: i32) -> Option<&'static Encoding> {
    Some(match number {
        0 | 2 => WINDOWS_1252,
        77 => MACINTOSH,
        128 => SHIFT_JIS,
        129 | 130 => EUC_KR,
        134 => GBK,
        136 => BIG5,
        161 => WINDOWS_1253,
        162 => WINDOWS_1254,
        163 => WINDOWS_1258,
        177..=181 => {
            if number == 177 || number == 181 {
                WINDOWS_1255
            } else {
                WINDOWS_1256
            }
        }
        186 => WINDOWS_1257,
        204 => WINDOWS_1251,
        222 => WINDOWS_874,
        238 => WINDOWS_1250,
        _ => return None,
    })
}

/// True where the last of these bytes is the first half of a character.
pub(super) fn awaits_trail(bytes: &[u8], encoding: &'static Encoding) -> bool {
    let is_lead = |byte: u8| match byte {
        0xA0..=0xDF if encoding == SHIFT_JIS => false,
        0x81..=0xFE => true,
        _ => false,
    };
    if encoding.is_single_byte() || encoding == UTF_8 {
        return false;
    }
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if is_lead(*byte) {
            if at + 1 == bytes.len() {
                return true;
            }
            at += 1;
        }
        at += 1;
    }
    false
}
