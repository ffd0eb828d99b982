//! Parameters of MIME fields, RFC 2231.

/// Bytes of a value in one line.
const SECTION: usize = 60;

/// Writes `; name=value`, quoted where it is short ASCII, else in percent-encoded UTF-8 sections.
pub(super) fn write(name: &str, value: &str, header: &mut String) {
    let is_plain = |byte: u8| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b'\\';
    header.push_str(";\r\n ");
    if value.len() <= SECTION && value.bytes().all(is_plain) && !value.contains("=?") {
        for piece in [name, "=\"", value, "\""] {
            header.push_str(piece);
        }
        return;
    }
    let encoded = percent_encoded(value);
    if encoded.iter().map(String::len).sum::<usize>() <= SECTION {
        for piece in [name, "*=utf-8''"] {
            header.push_str(piece);
        }
        header.extend(encoded);
        return;
    }
    let mut sections = vec![String::new()];
    for letter in encoded {
        if sections
            .last()
            .is_some_and(|section| section.len() + letter.len() > SECTION)
        {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(&letter);
        }
    }
    for (index, section) in sections.iter().enumerate() {
        let charset = if index == 0 { "utf-8''" } else { "" };
        let separator = if index == 0 { "" } else { ";\r\n " };
        let index = index.to_string();
        for piece in [separator, name, "*", &index, "*=", charset, section] {
            header.push_str(piece);
        }
    }
}

/// One entry per character, so that none is cut.
fn percent_encoded(value: &str) -> Vec<String> {
    let encode = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-._~".contains(letter) {
            return letter.to_string();
        }
        let mut encoded = String::with_capacity(12);
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            super::transfer::write_hexadecimal('%', byte, &mut encoded);
        }
        encoded
    };
    value.chars().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use mail_parser::MimeHeaders as _;

    use super::*;

    #[test]
    fn every_name_comes_back() {
        let long = format!(
            "{}.docx",
            "Protokoll der Sitzung über das Größte ".repeat(5)
        );
        for name in [
            "plan.pdf",
            "a \"b\" \\c;d=e.txt",
            "日本語の名前.pptx",
            "=?utf-8?q?x?=",
            &long,
        ] {
            let mut header = "Content-Disposition: attachment".to_owned();
            write("filename", name, &mut header);
            header.push_str("\r\n\r\nx");

            let message = mail_parser::MessageParser::default()
                .parse(&header)
                .unwrap();

            assert_eq!(message.parts[0].attachment_name(), Some(name), "{header}");
            assert!(
                header.split("\r\n").all(|line| line.len() <= 100),
                "{header}"
            );
        }
    }
}
