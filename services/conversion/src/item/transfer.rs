//! Transfer encodings: quoted-printable for text that 8bit cannot carry, base64 for files.

/// Encoded lines, without CRLF.
const LINE: usize = 76;
/// Bytes of a file in one line of base64.
pub(super) const BASE64_BYTES: u64 = 57;

/// Appends text with CRLF line ends as quoted-printable.
pub(super) fn write_quoted_printable(text: &str, out: &mut String) {
    out.reserve(text.len() + text.len() / 8);
    for (index, line) in text.split("\r\n").enumerate() {
        if index > 0 {
            out.push_str("\r\n");
        }
        write_line(line.as_bytes(), out);
    }
}

fn write_line(line: &[u8], out: &mut String) {
    let mut column = 0;
    for (index, &byte) in line.iter().enumerate() {
        let is_last = index + 1 == line.len();
        let is_plain = match byte {
            b'=' => false,
            0x21..=0x7E => true,
            b' ' | b'\t' => !is_last,
            _ => false,
        };
        let width = if is_plain { 1 } else { 3 };
        // A soft break needs the last column, unless the line ends here anyway.
        if column + width > LINE - usize::from(!is_last) {
            out.push_str("=\r\n");
            column = 0;
        }
        if is_plain {
            out.push(char::from(byte));
        } else {
            write_hexadecimal('=', byte, out);
        }
        column += width;
    }
}

/// Writes a byte as a mark and two hexadecimal digits, e.g. `=0A`.
pub(super) fn write_hexadecimal(mark: char, byte: u8, out: &mut String) {
    out.push(mark);
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
    }
}

/// Size of this many bytes in base64, lines and their CRLF included.
pub(super) fn base64_size(bytes: u64) -> u64 {
    let lines = bytes.div_ceil(BASE64_BYTES);
    bytes.div_ceil(3) * 4 + lines * 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_broken_softly() {
        let mut out = String::new();
        write_quoted_printable(&format!("{} \r\n=ä", "x".repeat(80)), &mut out);

        assert_eq!(
            out,
            format!("{}=\r\n{}=20\r\n=3D=C3=A4", "x".repeat(75), "x".repeat(5))
        );
    }

    proptest! {
        #[test]
        fn text_comes_back_from_quoted_printable(lines in prop::collection::vec("[^\r\n]{0,200}", 0..5)) {
            let text = lines.join("\r\n");
            let mut out = String::new();
            write_quoted_printable(&text, &mut out);

            prop_assert!(out.split("\r\n").all(|line| line.len() <= 76));
            let message = format!(
                "Content-Type: text/plain; charset=utf-8\r\n\
                 Content-Transfer-Encoding: quoted-printable\r\n\r\n{out}"
            );
            let message = mail_parser::MessageParser::default().parse(&message).unwrap();
            let body = message.body_text(0).unwrap_or_default();
            prop_assert_eq!(body.as_ref(), text.as_str());
        }
    }
}
