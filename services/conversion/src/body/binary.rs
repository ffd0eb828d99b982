//! Binary bodies as sources write them into text.

use base64::{Engine as _, alphabet, engine};

/// The bytes behind the text: base64 (also behind `base64:`, as Lync writes ink pictures), one byte per
/// character where all characters are below U+0100, else the text's own UTF-8.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let trimmed = text.trim();
    let encoded = trimmed.strip_prefix("base64:").unwrap_or(trimmed);
    let compact: Vec<u8> = encoded
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let config = engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
    let lenient = engine::GeneralPurpose::new(&alphabet::STANDARD, config);
    match lenient.decode(&compact) {
        Ok(bytes) if !bytes.is_empty() => bytes,
        _ => {
            let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
            bytes.unwrap_or_else(|| text.as_bytes().to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_come_back_as_bytes() {
        assert_eq!(decode("base64:R0lG\r\nODlh"), b"GIF89a");
        assert_eq!(decode("R0lGODlh"), b"GIF89a");
        assert_eq!(decode("GIF89a\u{1}\u{FF}"), b"GIF89a\x01\xFF");
        assert_eq!(decode("日本!"), "日本!".as_bytes());
    }
}
