use encoding_rs::{Encoding, WINDOWS_1252};

/// Decodes a body. A charset nobody knows is read as windows-1252, which has a character for every
/// byte; without a charset the bytes are UTF-8 if they can be.
pub(super) fn decode(bytes: Vec<u8>, charset: Option<&str>) -> String {
    let Some(charset) = charset else {
        return guess(bytes);
    };
    let encoding = Encoding::for_label(charset.trim().as_bytes()).unwrap_or(WINDOWS_1252);
    let (text, _, _) = encoding.decode(&bytes);
    text.into_owned()
}

/// UTF-8 if the bytes are that, windows-1252 otherwise.
pub(super) fn guess(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => match text.strip_prefix('\u{FEFF}') {
            Some(bare) => bare.to_owned(),
            None => text,
        },
        Err(error) => {
            let (text, _, _) = WINDOWS_1252.decode(error.as_bytes());
            text.into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_an_unknown_charset_survives() {
        let bytes: Vec<u8> = (0..=255).collect();

        let text = decode(bytes, Some("x-unknown"));

        assert_eq!(text.chars().count(), 256);
        assert!(!text.contains('\u{FFFD}'));
    }

    #[test]
    fn known_charsets_are_decoded() {
        assert_eq!(decode(vec![0xCF, 0xF0], Some("windows-1251")), "Пр");
        assert_eq!(decode(b"\xEF\xBB\xBFa".to_vec(), Some("utf-8")), "a");
        assert_eq!(decode("é".into(), None), "é");
        assert_eq!(decode(vec![0xE9], None), "é");
    }
}
